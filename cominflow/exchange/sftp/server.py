"""Server: connections, how many at a time, start and stop.

A thread per connection (paramiko's), and one per SFTP session. It runs in a process of its own, beside the engine
that parses files: what speaks to strangers does not read their data.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import paramiko

from cominflow import limits, logs, quoting
from cominflow.errors import WorldError
from cominflow.exchange import disk
from cominflow.exchange.sftp import host_key as host_keys
from cominflow.exchange.sftp.door import Door, choose_algorithms
from cominflow.exchange.sftp.download import Begun
from cominflow.exchange.sftp.session import Session
from cominflow.exchange.sftp.transport import Transport
from cominflow.exchange.sftp.upload import remove_leftovers
from cominflow.exchange.sftp.view import Room, Told, View

_log = logging.getLogger("cominflow.sftp")

# How soon a stop is noticed. The listening socket has no other way to wait for two things.
_STOP_S = 0.1
# How long a session that is refused waits for the client's first words.
_GRANTED_S = 1.0
# What a peer that vanished costs at most: the kernel gives the connection up after so many milliseconds.
_VANISHED_MS = 60_000


# What paramiko raises for a last word to a client that is gone already.
_GONE = (OSError, EOFError, paramiko.SSHException)


class Stop(Protocol):
    """An event of threading or of multiprocessing."""

    def is_set(self) -> bool:
        """Whether it is time to stop."""


@dataclass(frozen=True)
class Bounds:
    """How many and how long; the reasons are in limits.py."""

    strangers_max: int = limits.SFTP_STRANGERS_MAX
    strangers_per_address_max: int = limits.SFTP_STRANGERS_PER_ADDRESS_MAX
    attempts_max: int = limits.SFTP_LOGIN_ATTEMPTS_MAX
    login_s: float = limits.SFTP_LOGIN_S
    idle_s: float = limits.SFTP_IDLE_S
    sessions_per_customer_max: int = limits.SFTP_SESSIONS_PER_CUSTOMER_MAX
    handles_max: int = limits.SFTP_HANDLES_MAX
    room: Room = field(default_factory=Room)


class Places:
    """How many of each are in; `take` says whether there is room for one more."""

    def __init__(self, each_max: int, total_max: int | None = None) -> None:
        self._each_max, self._total_max = each_max, total_max
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, name: str) -> bool:
        """Take one place for `name`."""
        with self._lock:
            is_full = self._total_max is not None and self._counts.total() >= self._total_max
            if is_full or self._counts[name] >= self._each_max:
                return False
            self._counts[name] += 1
            return True

    def give_back(self, name: str) -> None:
        """Give one place back."""
        with self._lock:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]


class Server:
    """A listening server. `run` it until a stop, or use `serve`."""

    def __init__(
        self,
        *,
        listen: tuple[str, int],
        folders: disk.Folders,
        customer_of_key: Callable[[str], str | None],
        told: Told,
        host_key: Path,
        bounds: Bounds,
    ) -> None:
        self._folders, self._customer_of_key, self._told, self._bounds = folders, customer_of_key, told, bounds
        self.key = host_keys.load_or_make(host_key)
        self.fingerprint = host_keys.fingerprint(self.key)
        self._strangers = Places(bounds.strangers_per_address_max, bounds.strangers_max)
        self._sessions = Places(bounds.sessions_per_customer_max)
        self._begun = Begun()
        self._threads: set[threading.Thread] = set()
        self._threads_lock = threading.Lock()
        self._stopping = threading.Event()
        folders.ensure()
        self._remove_leftovers()
        try:
            self._socket = socket.create_server(listen, backlog=128, family=_family(listen[0]))
        except OSError as cause:
            raise WorldError(
                "listen on",
                address(*listen),
                quoting.said(cause),
                hint=_hint(listen[0], cause),
            ) from cause
        self._socket.settimeout(_STOP_S)
        self.host, self.port = self._socket.getsockname()[:2]
        _log.info("listening on %s, host key %s", address(self.host, self.port), self.fingerprint)

    def known_hosts_line(self) -> str:
        """The line for a client's known_hosts file."""
        return host_keys.known_hosts_line(self.key, self.host, self.port)

    def run(self, stop: Stop) -> None:
        """Serve until `stop` is set, then cut every connection and wait for the sessions to let go."""
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    self._greet(*self._accept())
        finally:
            self._socket.close()
            self._stopping.set()
            while threads := self._living():
                for thread in threads:
                    thread.join()

    def _living(self) -> list[threading.Thread]:
        with self._threads_lock:
            return [thread for thread in self._threads if thread.is_alive()]

    def _accept(self) -> tuple[socket.socket, str]:
        try:
            connection, address = self._socket.accept()
        except TimeoutError:
            raise
        except OSError as cause:
            # Out of descriptors, or the peer is gone already: the listening socket itself is well.
            _log.error("cannot accept a connection: %s", cause)
            self._stopping.wait(_STOP_S)
            raise TimeoutError from cause
        return connection, address[0]

    def _greet(self, connection: socket.socket, address: str) -> None:
        if not self._strangers.take(address):
            _log.warning("%s: sent away: too many connections that have not logged in", address)
            connection.close()
            return
        self._start(f"sftp {address}", lambda: self._serve_connection(connection, address))

    def _start(self, name: str, work: Callable[[], None]) -> None:
        def _run() -> None:
            try:
                work()
            except Exception:  # noqa: BLE001 a defect in one connection must not end the others
                _log.exception("%s: defect", name)
            finally:
                with self._threads_lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=_run, name=name, daemon=True)
        with self._threads_lock:
            self._threads.add(thread)
            thread.start()

    def _serve_connection(self, connection: socket.socket, address: str) -> None:
        """One connection, from the handshake to its end. The login has its own time limit."""
        is_stranger = True
        with contextlib.closing(connection), self._transport(connection) as transport:
            door = Door(
                self._customer_of_key,
                lambda customer, channel: self._start_session(customer, channel, door),
                lambda: _hang_up(connection),
                attempts_max=self._bounds.attempts_max,
            )
            try:
                transport.start_server(event=threading.Event(), server=door)
                if self._wait(transport, door.opened, self._bounds.login_s):
                    self._strangers.give_back(address)
                    is_stranger = False
                    _log.info("%s: %s is in", address, door.customer)
                    self._wait_until_unused(transport, door)
                else:
                    who = f"{door.customer} came in and opened no session" if door.customer else "did not log in"
                    why = door.reason or str(transport.get_exception() or "") or "it ended the connection"
                    _log.warning("%s: %s: %s", address, who, why)
            finally:
                if is_stranger:
                    self._strangers.give_back(address)

    def _wait(self, transport: paramiko.Transport, event: threading.Event, seconds: float) -> bool:
        """Wait for an event as long as the connection lives and the server runs; whether it came."""
        waited_s = 0.0
        while transport.is_active() and not self._stopping.is_set() and waited_s < seconds:
            if event.wait(_STOP_S):
                return True
            waited_s += _STOP_S
        return event.is_set()

    def _wait_until_unused(self, transport: paramiko.Transport, door: Door) -> None:
        """Return when the connection ended, or had no session for too long. (A silent session ends by itself.)"""
        never, unused_s = threading.Event(), 0.0
        while transport.is_active() and not self._stopping.is_set() and unused_s < self._bounds.idle_s:
            unused_s = 0.0 if door.sessions_count else unused_s + _STOP_S
            never.wait(_STOP_S)

    @contextlib.contextmanager
    def _transport(self, connection: socket.socket) -> Iterator[paramiko.Transport]:
        # Without NODELAY an answer that fills two SSH packets waits 40 ms for the peer's acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MS)
        transport = Transport(connection)
        try:
            # A port scanner's garbage is a page of traceback in paramiko's log; ours says it in one line.
            transport.set_log_channel("cominflow.sftp.ssh")
            logging.getLogger("cominflow.sftp.ssh").setLevel(logging.CRITICAL)
            transport.add_server_key(self.key)
            choose_algorithms(transport)
            yield transport
        finally:
            transport.close()

    def _start_session(self, customer: str, channel: paramiko.Channel, door: Door) -> None:
        """Begin a session, or say why not, in a thread of its own."""
        is_room = self._sessions.take(customer)
        if not is_room:
            _log.warning("%s: sent away: %d sessions are open", customer, self._bounds.sessions_per_customer_max)
        work = self._run_session if is_room else self._refuse_session

        def _run() -> None:
            try:
                work(customer, channel)
            finally:
                door.session_ended()

        self._start(f"sftp {customer}", _run)

    def _refuse_session(self, customer: str, channel: paramiko.Channel) -> None:
        # paramiko says "granted" only after it has begun this thread: a close that overtakes that word would leave the
        # client without the reason. A client speaks first once it has the word; one that does not gets a second.
        channel.settimeout(_GRANTED_S)
        with contextlib.suppress(TimeoutError):
            channel.recv(1)
        _end_session(
            channel, f"{self._bounds.sessions_per_customer_max} sessions are open already; close one and try again"
        )

    def _run_session(self, customer: str, channel: paramiko.Channel) -> None:
        try:
            with _closing(channel), logs.about(customer=customer):
                channel.settimeout(self._bounds.idle_s)
                try:
                    view = View(self._folders, customer, self._begun, self._bounds.room)
                except WorldError as cause:
                    _log.error("%s: no session: %s", customer, cause)
                    _end_session(channel, "your folders cannot be opened at the moment; try again later")
                    return
                Session(view, channel, self._told, handles_max=self._bounds.handles_max).run()
                with contextlib.suppress(*_GONE):
                    channel.send_exit_status(0)
        finally:
            self._sessions.give_back(customer)

    def _remove_leftovers(self) -> None:
        """Remove uploads that a killed server left unfinished; their clients never got an OK."""
        for path in self._folders.staging.iterdir():
            if not path.is_dir():
                continue
            with disk.open_folder(path) as staging:
                for name in remove_leftovers(staging.fd):
                    _log.warning("%s: removed the unfinished upload %s", path.name, name.decode("ascii", "replace"))


@contextlib.contextmanager
def _closing(channel: paramiko.Channel) -> Iterator[None]:
    """Close it in the end; a client that is gone already needs not be told."""
    try:
        yield
    finally:
        with contextlib.suppress(*_GONE):
            channel.close()


def _end_session(channel: paramiko.Channel, why: str) -> None:
    """SFTP has no way to refuse a session, so the reason goes where the client's user sees it."""
    with _closing(channel), contextlib.suppress(*_GONE):
        channel.sendall_stderr(f"cominflow: {why}\r\n".encode())
        channel.send_exit_status(1)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


def address(host: str, port: int) -> str:
    """Where a server listens, as `--listen` takes it.

    >>> address("127.0.0.1", 2222), address("::1", 2222)
    ('127.0.0.1:2222', '[::1]:2222')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _hint(host: str, cause: OSError) -> str:
    if cause.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: choose one of `ip address`, or 0.0.0.0 for all of them"
    return "choose another port with --listen HOST:PORT"


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        return socket.AF_INET


def _nothing_uploaded(customer: str, name: bytes) -> None:
    """The watcher and the sweep look at the inbox themselves."""


def _nothing_retrieved(customer: str, folder: str, name: bytes) -> None:
    """Nobody wants to know."""


class Serving:
    """A server that runs in a thread of this process; `close` it, or use `with`."""

    def __init__(self, server: Server) -> None:
        self.server, self.host, self.port, self.fingerprint = server, server.host, server.port, server.fingerprint
        self._stop = threading.Event()
        self._thread = threading.Thread(target=server.run, args=(self._stop,), name="sftp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, cut every connection, and wait until all is let go."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(
    *,
    folders: disk.Folders,
    customer_of_key: Callable[[str], str | None],
    host_key: Path,
    listen: tuple[str, int] = ("127.0.0.1", 0),
    on_upload: Callable[[str, bytes], None] = _nothing_uploaded,
    on_retrieved: Callable[[str, str, bytes], None] = _nothing_retrieved,
    bounds: Bounds | None = None,
) -> Serving:
    """Serve in a thread of this process. Returns at once, listening; `.port` is the port that was bound.

    customer_of_key   fingerprint (`SHA256:…`) to the customer's code, or None. Called at each login and session.
    host_key          the server's key; made when there is none
    listen            host and port; port 0 takes a free one
    on_upload, on_retrieved   see `view.Told`; called in the session's thread

    Raises WorldError when the port is taken, or the key or a folder cannot be used.
    """
    server = Server(
        listen=listen,
        folders=folders,
        customer_of_key=customer_of_key,
        told=Told(on_upload, on_retrieved),
        host_key=host_key,
        bounds=bounds or Bounds(),
    )
    return Serving(server)


def run_server(
    *,
    folders: disk.Folders,
    customer_of_key: Callable[[str], str | None],
    host_key: Path,
    stop: Stop,
    on_ready: Callable[[Server], None],
    listen: tuple[str, int] = ("127.0.0.1", 0),
    on_upload: Callable[[str, bytes], None] = _nothing_uploaded,
    on_retrieved: Callable[[str, str, bytes], None] = _nothing_retrieved,
) -> None:
    """Serve in this thread until `stop` is set: what the process `sftp` does. Otherwise as `serve`.

    on_ready   is told the listening server (host, port, fingerprint, known_hosts_line) before the first connection
    """
    server = Server(
        listen=listen,
        folders=folders,
        customer_of_key=customer_of_key,
        told=Told(on_upload, on_retrieved),
        host_key=host_key,
        bounds=Bounds(),
    )
    on_ready(server)
    server.run(stop)
