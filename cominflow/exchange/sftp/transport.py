"""Transport: paramiko's, which also tells the door of keys that it never showed to it.

A client that signs with an algorithm that we do not speak is sent away by paramiko before the door is asked. Its
owner sees "authentication failed" and asks us why; so the log has to know whose key that was.
"""

from __future__ import annotations

from typing import Any

import paramiko
from paramiko.auth_handler import AuthHandler


class Transport(paramiko.Transport):
    """A server's side of one connection."""

    auth_handler: Any

    def _parse_newkeys(self, m: Any) -> None:
        # From this packet on all is encrypted; a handler that was there earlier would listen to plain requests too.
        if self.auth_handler is None:
            self.auth_handler = _Handler(self)
        super()._parse_newkeys(m)


class _Handler(AuthHandler):
    def _generate_key_from_request(self, algorithm: str, keyblob: bytes) -> Any:
        key = super()._generate_key_from_request(algorithm, keyblob)
        if key is None:
            self.transport.server_object.note_unspoken(self.auth_username, algorithm, keyblob)
        return key
