"""The door: who comes in, what for, and how many. Clients are paramiko and bare sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack

import paramiko
import pytest
from paramiko.ssh_exception import AuthenticationException, SSHException

from cominflow.errors import WorldError
from cominflow.exchange.disk import Folders
from cominflow.exchange.sftp import keys, server
from cominflow.exchange.sftp.server import Bounds
from tests.contract.sftp.conftest import WAIT_S, House, make_key


def wire(house: House, source: str = "127.0.0.1") -> socket.socket:
    """A bare connection from one of this machine's own addresses."""
    assert house.serving is not None
    return socket.create_connection((house.serving.host, house.serving.port), WAIT_S, source_address=(source, 0))


def is_ended(connection: socket.socket) -> bool:
    """Read until the other side ends the connection; fails after the wait."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def transport_to(house: House, connection: socket.socket | None = None, **options: object) -> paramiko.Transport:
    transport = paramiko.Transport(connection or wire(house), **options)
    transport.start_client(timeout=WAIT_S)
    return transport


def test_a_key_that_is_nobodys_is_refused(house: House) -> None:
    make_key(house.key_files["banca-demo"])
    with pytest.raises(AuthenticationException):
        house.connect()
    assert "refused key SHA256:" in house.wait_for("refused key")


@pytest.mark.parametrize("name", ["nobody", "banca-demo", "istituto-demo ", "ISTITUTO-DEMO", ""])
def test_a_key_opens_the_door_under_its_own_customers_name_only(house: House, name: str) -> None:
    transport = transport_to(house)
    key = paramiko.Ed25519Key(filename=str(house.key_files["istituto-demo"]))
    with pytest.raises(AuthenticationException) as wrong_name:
        transport.auth_publickey(name, key)
    said = house.wait_for("refused key SHA256:")
    assert f"offered by {name}: it is the key of istituto-demo, who has to log in under that name" in said
    transport.close()

    make_key(house.home / "unknown.key")
    other = transport_to(house)
    with pytest.raises(AuthenticationException) as unknown:
        other.auth_publickey(name, paramiko.Ed25519Key(filename=str(house.home / "unknown.key")))
    assert str(wrong_name.value) == str(unknown.value), "from outside both are the same"
    other.close()
    assert house.sftp("istituto-demo").listdir("/outbox") == []


def test_a_client_that_signs_with_sha_1_is_named_in_the_log_with_the_remedy(house: House) -> None:
    key = paramiko.RSAKey.generate(2048)
    transport = transport_to(house)
    offer = paramiko.Message()  # what libssh2 1.10 sends; paramiko itself has no SHA-1 left
    offer.add_byte(b"\x32")
    for word in ("banca-demo", "ssh-connection", "publickey"):
        offer.add_string(word)
    offer.add_boolean(False)
    offer.add_string("ssh-rsa")
    offer.add_string(key.asbytes())
    transport._send_message(offer)
    transport.join(WAIT_S)
    fingerprint = keys.fingerprint_of(key.asbytes())
    expected = (
        f"refused key {fingerprint} offered by banca-demo: its client signs with SHA-1 (ssh-rsa), which is not safe "
        "any more; do: have the customer make an ed25519 key (`ssh-keygen -t ed25519`), or update the client"
    )
    assert house.wait_for("refused key") == expected
    assert house.wait_for("did not log in") == f"127.0.0.1: did not log in: {expected}"


@pytest.mark.parametrize(
    ("what", "asked"), [("exec", "the command scp -t /inbox"), ("shell", "a shell"), ("other", "the subsystem netconf")]
)
def test_a_customer_who_asks_for_something_else_than_sftp_is_named_in_the_log(
    house: House, what: str, asked: str
) -> None:
    transport = house.connect().get_transport()
    assert transport is not None
    channel = transport.open_session(timeout=WAIT_S)
    with pytest.raises(SSHException):
        if what == "exec":
            channel.exec_command("scp -t /inbox")
        elif what == "shell":
            channel.invoke_shell()
        else:
            channel.invoke_subsystem("netconf")
    transport.close()
    assert house.wait_for("opened no session") == (
        f"127.0.0.1: banca-demo came in and opened no session: it asked for {asked}, and there is only SFTP "
        "(`sftp`, `scp` without -O)"
    )


def test_a_client_that_hangs_up_after_its_session_is_no_defect(house: House) -> None:
    for _ in range(10):
        session = house.sftp()
        session.listdir("/outbox")
        channel = session.get_channel()
        channel.shutdown_write()
        channel.get_transport().close()
    house.stop()
    assert not [line for line in house.log.queue if "defect" in line]


def test_a_signature_by_another_key_is_refused(house: House) -> None:
    """Offer the customer's public key, which anybody may know, and sign with a key of one's own."""

    class Liar(paramiko.Ed25519Key):
        def asbytes(self) -> bytes:
            return known.asbytes()

    known = paramiko.Ed25519Key(filename=str(house.key_files["banca-demo"]))
    make_key(house.home / "own.key")
    transport = transport_to(house)
    with pytest.raises(AuthenticationException):
        transport.auth_publickey("banca-demo", Liar(filename=str(house.home / "own.key")))
    transport.close()


@pytest.mark.parametrize("way", ["none", "password", "interactive"])
def test_only_public_keys_open_the_door(house: House, way: str) -> None:
    transport = transport_to(house)
    with pytest.raises(paramiko.BadAuthenticationType) as caught:
        if way == "none":
            transport.auth_none("banca-demo")
        elif way == "password":
            transport.auth_password("banca-demo", "secret", fallback=False)
        else:
            transport.auth_interactive("banca-demo", lambda *_: ["secret"])
    assert caught.value.allowed_types == ["publickey"]
    transport.close()


@pytest.mark.parametrize("what", ["exec", "shell", "pty", "x11", "other"])
def test_a_session_is_for_sftp_and_nothing_else(house: House, what: str) -> None:
    transport = house.connect().get_transport()
    assert transport is not None
    channel = transport.open_session(timeout=WAIT_S)
    with pytest.raises(SSHException):
        if what == "exec":
            channel.exec_command("id")
        elif what == "shell":
            channel.invoke_shell()
        elif what == "pty":
            channel.get_pty()
        elif what == "x11":
            channel.request_x11()
        else:
            channel.invoke_subsystem("netconf")


def test_nothing_is_forwarded(house: House) -> None:
    transport = house.connect().get_transport()
    assert transport is not None
    with pytest.raises(paramiko.ChannelException):
        transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=WAIT_S)
    with pytest.raises(SSHException):
        transport.request_port_forward("127.0.0.1", 0)
    assert transport.open_sftp_client() is not None


def test_a_withdrawn_key_opens_no_further_session(house: House) -> None:
    client = house.connect()
    client.open_sftp().listdir("/")
    house.customers.clear()
    with pytest.raises(SSHException):
        client.open_sftp()
    with pytest.raises(AuthenticationException):
        house.connect()


def test_keys_that_cannot_be_looked_up_let_nobody_in_and_the_server_lives(stopped_house: House) -> None:
    known = dict(stopped_house.customers)

    class Failing(dict[str, str]):
        def get(self, key: str, default: object = None) -> str:  # type: ignore[override]
            raise RuntimeError("the database is away")

    stopped_house.customers = Failing()
    stopped_house.start()
    with pytest.raises(AuthenticationException):
        stopped_house.connect()
    stopped_house.wait_for("could not be read; the login is refused")
    stopped_house.customers = known
    stopped_house.start()
    assert stopped_house.sftp().listdir("/outbox") == []


@pytest.mark.parametrize("weak", ["aes128-cbc", "3des-cbc"])
def test_a_weak_cipher_is_not_spoken(house: House, weak: str) -> None:
    transport = paramiko.Transport(wire(house))
    transport.get_security_options().ciphers = (weak,)
    with pytest.raises(SSHException):
        transport.start_client(timeout=WAIT_S)
    transport.close()


@pytest.mark.parametrize("weak", ["hmac-md5", "hmac-sha1", "hmac-sha1-96"])
def test_a_weak_digest_is_not_spoken(house: House, weak: str) -> None:
    transport = paramiko.Transport(wire(house))
    transport.get_security_options().ciphers = ("aes128-ctr",)
    transport.get_security_options().digests = (weak,)
    with pytest.raises(SSHException):
        transport.start_client(timeout=WAIT_S)
    transport.close()


def test_a_session_too_many_is_refused_with_the_reason(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(sessions_per_customer_max=2))
    first, _second = house.sftp(), house.sftp()
    transport = house.connect().get_transport()
    assert transport is not None
    channel = transport.open_session(timeout=WAIT_S)
    channel.settimeout(WAIT_S)
    channel.invoke_subsystem("sftp")
    assert channel.makefile_stderr().read() == b"cominflow: 2 sessions are open already; close one and try again\r\n"
    assert channel.recv_exit_status() == 1
    assert house.sftp("istituto-demo").listdir("/") == ["inbox", "outbox", "receipts"], (
        "another customer is not concerned"
    )
    first.get_channel().close()
    house.stop()  # all ends
    house.start(Bounds(sessions_per_customer_max=2))
    assert house.sftp().listdir("/outbox") == []


def test_channels_that_ask_for_nothing_are_limited(house: House) -> None:
    transport = house.connect().get_transport()
    assert transport is not None
    with pytest.raises(paramiko.ChannelException):
        for _ in range(20):
            transport.open_session(timeout=WAIT_S)
    assert transport.is_active()


def test_a_client_that_offers_too_many_keys_is_sent_away(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(attempts_max=3))
    transport = transport_to(house)
    for number in range(3):
        make_key(house.home / f"{number}.key")
        with pytest.raises((AuthenticationException, SSHException, EOFError)):
            transport.auth_publickey("banca-demo", paramiko.Ed25519Key(filename=str(house.home / f"{number}.key")))
    transport.join(WAIT_S)
    assert not transport.is_active()


def test_two_hundred_silent_strangers_do_not_keep_the_others_out(house: House) -> None:
    with ExitStack() as strangers:
        for _ in range(200):
            strangers.enter_context(wire(house, "127.0.0.2"))
        assert house.sftp().listdir("/") == ["inbox", "outbox", "receipts"]


def test_strangers_of_one_address_beyond_the_limit_are_sent_away_at_once(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(strangers_per_address_max=2))
    with wire(house) as one, wire(house) as two:
        assert one.recv(4) == two.recv(4) == b"SSH-"
        with wire(house) as three:
            assert is_ended(three)
        with wire(house, "127.0.0.2") as other:
            assert other.recv(4) == b"SSH-"


def test_strangers_beyond_the_total_are_sent_away_and_make_room_when_they_go(
    bounded: Callable[[Bounds], House],
) -> None:
    house = bounded(Bounds(strangers_max=1))
    with wire(house, "127.0.0.2") as one:
        assert one.recv(4) == b"SSH-"
        with wire(house, "127.0.0.3") as two:
            assert is_ended(two)
    house.wait_for("127.0.0.2: did not log in")
    house.sftp()


def test_a_stranger_who_does_not_log_in_is_sent_away(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(login_s=0.3))
    with wire(house) as silent:
        assert is_ended(silent)
    transport = transport_to(house)  # the handshake alone is no login
    transport.join(WAIT_S)
    assert not transport.is_active()


def test_a_silent_session_and_a_connection_without_one_end(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(idle_s=0.5))
    sftp = house.sftp()
    file = sftp.open("/inbox/RV_1.txt", "wb")
    file.write(b"text")
    house.wait_for("aborted /inbox/RV_1.txt")
    transport = sftp.get_channel().get_transport()
    assert transport is not None
    transport.join(WAIT_S)
    assert not transport.is_active() and house.nothing_is_there()


def test_garbage_and_a_hang_up_disturb_nobody(house: House) -> None:
    for garbage in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 5000, b"SSH-2.0-x\r\n" + b"\xff" * 5000):
        with wire(house) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            assert is_ended(connection)
    assert house.sftp().listdir("/outbox") == []


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack(">I", 0),
        struct.pack(">I", 2**31),
        struct.pack(">IBI", 5, 3, 1),  # OPEN without its fields
        struct.pack(">IBII", 9, 3, 1, 2**31),  # OPEN with a path longer than the packet
        struct.pack(">IB", 1, 5),  # READ without a number
    ],
)
def test_what_is_no_sftp_ends_the_session_and_only_that(house: House, packet: bytes) -> None:
    transport = house.connect().get_transport()
    assert transport is not None
    channel = transport.open_session(timeout=WAIT_S)
    channel.settimeout(WAIT_S)
    channel.invoke_subsystem("sftp")
    channel.sendall(packet)
    assert channel.recv(100) == b""
    house.wait_for("not SFTP")
    assert house.sftp().listdir("/outbox") == []


def test_an_unknown_request_is_answered(house: House) -> None:
    with pytest.raises(OSError, match="does not know that request"):
        house.sftp()._request(99)


def test_the_host_key_is_made_once_and_only_its_owner_reads_it(house: House) -> None:
    assert house.serving is not None
    path, first = house.folders.state / "host_key", house.serving.fingerprint
    assert path.stat().st_mode & 0o777 == 0o600
    assert house.start().fingerprint == first and house.names(house.folders.state) == [b"host_key"]


def test_a_host_key_that_others_can_read_is_refused(stopped_house: House) -> None:
    stopped_house.start()
    stopped_house.stop()
    (stopped_house.folders.state / "host_key").chmod(0o644)
    with pytest.raises(WorldError, match=r"others may read it \(mode 0644\)\n  do: chmod 600"):
        stopped_house.start()


def test_a_damaged_host_key_is_not_replaced(stopped_house: House) -> None:
    path = stopped_house.folders.state / "host_key"
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(WorldError, match="cannot read the host key .*\n  do: put the file back from a backup"):
        stopped_house.start()
    assert path.read_text() == "no key"


def test_a_port_that_is_taken_is_named(house: House) -> None:
    assert house.serving is not None
    taken = (house.serving.host, house.serving.port)
    with pytest.raises(WorldError, match=f"cannot listen on 127.0.0.1:{taken[1]}: .*\n  do: choose another port"):
        server.serve(
            folders=Folders(house.home / "data"),
            customer_of_key=house.customers.get,
            host_key=house.folders.state / "host_key",
            listen=taken,
        )


def test_an_address_of_another_machine_is_told_as_one(house: House) -> None:
    with pytest.raises(
        WorldError, match="cannot listen on 192.0.2.1:2222: .*\n  do: .*192.0.2.1 is no address of this"
    ):
        server.serve(
            folders=Folders(house.home / "data"),
            customer_of_key=house.customers.get,
            host_key=house.folders.state / "host_key",
            listen=("192.0.2.1", 2222),
        )


def test_an_address_with_colons_stands_in_brackets_before_its_port() -> None:
    assert server.address("::1", 2222) == "[::1]:2222"
    assert server.address("127.0.0.1", 2222) == "127.0.0.1:2222"


def test_a_new_customer_gets_its_folders_at_its_first_session(house: House) -> None:
    house.key_files["nuova-demo"] = house.home / "nuova.key"
    house.customers[keys.parse(make_key(house.home / "nuova.key")).fingerprint] = "nuova-demo"
    assert house.sftp("nuova-demo").listdir("/") == ["inbox", "outbox", "receipts"]
    assert house.of("nuova-demo").inbox.is_dir()
