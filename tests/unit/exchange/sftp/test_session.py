"""A session never breaks: any bytes from the other side are answered or end it, and nothing stays open."""

from __future__ import annotations

import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cominflow.exchange.disk import Folders
from cominflow.exchange.sftp.download import Begun
from cominflow.exchange.sftp.session import Session
from cominflow.exchange.sftp.view import Room, Told, View


class Tape:
    """What the client sends, in pieces, and what it is answered."""

    def __init__(self, sent: bytes, piece_bytes: int) -> None:
        self._sent, self._piece_bytes, self.answered = sent, piece_bytes, bytearray()

    def recv(self, bytes_max: int) -> bytes:
        piece, self._sent = self._sent[: self._piece_bytes], self._sent[self._piece_bytes :]
        return piece

    def sendall(self, data: bytes) -> None:
        self.answered += data


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


paths = st.sampled_from([b"/", b"/inbox", b"/inbox/a", b"/inbox/b", b"/outbox/c", b"/outbox", b"/x", b"/inbox/.."])
handles = st.sampled_from([b"1", b"2", b"3", b"", b"x"])
numbers = st.integers(0, 2**32 - 1) | st.integers(0, 64)
fields = st.one_of(
    (paths | handles | st.binary(max_size=20)).map(text),
    numbers.map(lambda number: struct.pack(">I", number)),
    numbers.map(lambda number: struct.pack(">Q", number)),
)
requests = st.builds(
    lambda kind, parts: bytes([kind]) + struct.pack(">I", 7) + b"".join(parts),
    st.sampled_from([*range(1, 21), 200, 99]),
    st.lists(fields, max_size=5),
)
streams = st.lists(requests.map(text) | st.binary(max_size=12), max_size=25).map(b"".join)


@settings(max_examples=300)
@given(streams, st.integers(1, 50))
def test_any_bytes_are_answered_or_end_the_session(sent: bytes, piece_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        folders = Folders(Path(home) / "data")
        folders.ensure(["banca-demo"])
        (folders.customer("banca-demo").outbox / "c").write_bytes(b"answer")
        view = View(folders, "banca-demo", Begun(), Room(upload_bytes_max=1000))
        tape = Tape(sent, piece_bytes)
        Session(view, tape, Told(lambda *_: None, lambda *_: None), handles_max=4).run()
        assert held_in(home) == [], "everything was let go"
        assert os.listdir(folders.customer("banca-demo").staging) == []
        assert (folders.customer("banca-demo").outbox / "c").read_bytes() == b"answer"
        assert "defect" not in tape.answered.decode("latin-1") and b"the server failed" not in tape.answered


def held_in(home: str) -> list[str]:
    """What this process has open in that folder. Others may let go of what is theirs meanwhile."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [place for place in found if place.startswith(home)]
