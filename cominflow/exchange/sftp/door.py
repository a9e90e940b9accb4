"""Door: who may come in, and what for. A public key that belongs to a customer, for a session of SFTP; nothing else.

No password, no keyboard-interactive, no shell, no command, no terminal, no forwarding: what paramiko's
ServerInterface refuses by default stays refused. The key decides whose folders they are, and the user name must be
that customer's: a program that is set up for one customer and has the key of another must not deliver to him. Every
refusal looks the same from outside, so nobody can find out which customers or keys exist; the log says which it was.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from typing import Any

import paramiko

from cominflow import shown
from cominflow.exchange.sftp.keys import fingerprint_of

_log = logging.getLogger("cominflow.sftp")

# Channels that were opened and for which nothing was asked yet: each costs memory, none is of use.
_UNUSED_CHANNELS_MAX = 8

# Authenticated encryption or CTR with SHA-2 only; paramiko would still offer CBC, 3DES, MD5 and SHA-1.
_KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
)
_CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr")
_DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")


def choose_algorithms(transport: paramiko.Transport) -> None:
    """Offer only what is strong. What this paramiko does not have is left out."""
    options = transport.get_security_options()
    options.kex = tuple(name for name in _KEX if name in options.kex)
    options.ciphers = tuple(name for name in _CIPHERS if name in options.ciphers)
    options.digests = tuple(name for name in _DIGESTS if name in options.digests)
    options.compression = ("none",)  # a compressed flood costs the sender nothing
    assert options.kex and options.ciphers and options.digests, "paramiko has none of the algorithms wanted"


class Door(paramiko.ServerInterface):
    """One connection's answers to paramiko. Runs in the connection's own thread."""

    def __init__(
        self,
        customer_of_key: Callable[[str], str | None],
        start_session: Callable[[str, paramiko.Channel], None],
        send_away: Callable[[], None],
        *,
        attempts_max: int,
    ) -> None:
        self.customer: str | None = None
        # Why the last thing that the client asked for was refused; empty: nothing was.
        self.reason = ""
        self.opened = threading.Event()
        self._customer_of_key, self._start_session, self._send_away = customer_of_key, start_session, send_away
        self._attempts_left = attempts_max
        self._fingerprint, self._unused_channels = "", 0
        self.sessions_count, self._lock = 0, threading.Lock()

    def session_ended(self) -> None:
        """A session that was started here is over; called in its thread."""
        with self._lock:
            self.sessions_count -= 1

    def get_allowed_auths(self, username: str) -> str:
        """Public keys only."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Whether the key is a customer's. Asked twice: when the client offers the key, and with its signature."""
        fingerprint = fingerprint_of(key.asbytes())
        customer = self._look_up(fingerprint)
        name = username.encode("utf-8", "replace")
        if customer is not None and hmac.compare_digest(customer.encode(), name):
            self.customer, self._fingerprint = customer, fingerprint
            return int(paramiko.AUTH_SUCCESSFUL)
        why = "nobody's" if customer is None else f"the key of {customer}, who has to log in under that name"
        self._refuse(f"refused key {fingerprint} offered by {_short(name)}: it is {why}")
        self._attempts_left -= 1
        if self._attempts_left <= 0:
            self._send_away()
        return int(paramiko.AUTH_FAILED)

    def note_unspoken(self, username: str, algorithm: str, blob: bytes) -> None:
        """A key whose signature we do not take was offered; `Transport` sends the client away."""
        why = f"its client signs with {_short(algorithm.encode('utf-8', 'replace'))}, which is not taken"
        if algorithm == "ssh-rsa":
            why = "its client signs with SHA-1 (ssh-rsa), which is not safe any more"
        self._refuse(
            f"refused key {fingerprint_of(blob)} offered by {_short(username.encode('utf-8', 'replace'))}: {why}; "
            "do: have the customer make an ed25519 key (`ssh-keygen -t ed25519`), or update the client"
        )

    def _refuse(self, reason: str) -> None:
        self.reason = reason
        _log.warning("%s", reason)

    def _look_up(self, fingerprint: str) -> str | None:
        try:
            return self._customer_of_key(fingerprint)
        except Exception as failure:  # noqa: BLE001 a database that is away must not let anybody in, nor end the server
            _log.error("the customers' keys could not be read; the login is refused: %s", failure)
            return None

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only."""
        if kind != "session":
            return int(paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)
        if self._unused_channels >= _UNUSED_CHANNELS_MAX:
            return int(paramiko.OPEN_FAILED_RESOURCE_SHORTAGE)
        self._unused_channels += 1
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        """SFTP only. Looks the key up once more: it may have been withdrawn since the login."""
        if name != "sftp" or self.customer is None:
            return self._is_refused(f"the subsystem {_short(name.encode('utf-8', 'replace'))}")
        customer = self._look_up(self._fingerprint)
        if customer is None or not hmac.compare_digest(customer, self.customer):
            return False
        with self._lock:
            self.sessions_count += 1
        self._start_session(customer, channel)
        self._unused_channels -= 1
        self.opened.set()
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """No commands."""
        return self._is_refused(f"the command {_short(command)}")

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """No shell."""
        return self._is_refused("a shell")

    def _is_refused(self, what: str) -> bool:
        self.reason = f"it asked for {what}, and there is only SFTP (`sftp`, `scp` without -O)"
        return False

    def check_channel_env_request(self, channel: paramiko.Channel, name: Any, value: Any) -> bool:
        """No variables."""
        return False


def _short(name: bytes) -> str:
    """For the log: what a client sends is as long as the client likes."""
    return shown.name(name[:64])
