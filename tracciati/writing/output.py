"""Output: the bytes of a file on their way into its sink.

From the first record with a total on, bytes are held back (beyond a mebibyte in an unnamed temporary file), because a
total is known only at the end of what it counts and may change its length. The last separator is held back too:
whether a file ends with one is the layout's word, and known when nothing follows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from typing import IO, BinaryIO, NamedTuple

from tracciati.framing import SEPARATORS
from tracciati.layout import FileForm
from tracciati.limits import HELD_BYTES_MAX

_PIECE_BYTES = 1 << 20


class Place(NamedTuple):
    """Bytes in the held part of the file: where they begin, from its start, and how many there are."""

    start: int
    length: int


class Output:
    """Collects a file; `close` completes it. The sink is only ever appended to."""

    def __init__(self, sink: BinaryIO, form: FileForm, *, spill_folder: str | None = None) -> None:
        self._sink = sink
        self._form = form
        self._spill_folder = spill_folder
        self._separator = SEPARATORS[form.separator]
        self._pending = b""
        self._is_whole = True  # did the last record come with its separator
        self._held: IO[bytes] | None = None
        self._held_start = self._held_stop = 0  # of what is held now, from where holding began
        self.bytes_count = 0

    @property
    def next_start(self) -> int:
        """Where, in the held part, the next record will begin."""
        return self._held_stop + len(self._pending)

    @property
    def held_stop(self) -> int:
        """Where what is held ends."""
        return self._held_stop

    def hold(self) -> None:
        """Hold back whatever is written from now on."""
        if self._held is None:
            # The separator before the held part belongs to it no more.
            self._pass_on(self._pending)
            self._pending = b""
            self._held = self._new_held()

    def _new_held(self) -> IO[bytes]:
        # Closed by `close` or `abandon`, not at the end of a block.
        return tempfile.SpooledTemporaryFile(HELD_BYTES_MAX, dir=self._spill_folder)

    def release(self, changes: Mapping[Place, bytes], stop: int) -> None:
        """Write what was held up to `stop`, with the changed places, all of which lie before it; go on holding."""
        assert self._held is not None and stop <= self._held_stop, "only what is held can be released"
        held, self._held = self._held, self._new_held()
        with held:
            self._copy_changed(held, changes, stop)
            held.seek(stop - self._held_start)
            shutil.copyfileobj(held, self._held, _PIECE_BYTES)
        self._held_start = stop

    def can_release(self, stop: int) -> bool:
        """Is it so much that it is worth the copying?"""
        return self._held is not None and stop - self._held_start >= HELD_BYTES_MAX

    def write(self, records: memoryview) -> None:
        """Append whole records; the last one may lack its separator."""
        if not len(records):
            return
        self._append(self._pending)
        separator = self._ending(records)
        self._is_whole = bool(separator) or not self._separator
        self._append(records[: len(records) - len(separator)])
        self._pending = separator or self._separator

    def close(self, changes: Mapping[Place, bytes]) -> None:
        """Write what was held, with the changed places, and the last separator."""
        rule = self._form.last_separator
        if rule == "required" or (rule == "optional" and self._is_whole):
            self._append(self._pending)
        if self._held is not None:
            held, self._held = self._held, None
            with held:
                self._copy_changed(held, changes, self._held_stop)

    def _copy_changed(self, held: IO[bytes], changes: Mapping[Place, bytes], stop: int) -> None:
        done = self._held_start
        for place in sorted(changes):
            self._copy(held, done, place.start)
            self._pass_on(changes[place])
            done = place.start + place.length
        self._copy(held, done, stop)

    def abandon(self) -> None:
        """Let go of what is held. Nothing happens after `close`."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _ending(self, records: memoryview) -> bytes:
        if not self._separator:
            return b""
        last = bytes(records[-2:])
        if self._separator == b"\r" and last.endswith(b"\r"):
            return b"\r"
        return b"\r\n" if last == b"\r\n" else b"\n" if last.endswith(b"\n") else b""

    def _append(self, part: bytes | memoryview) -> None:
        if self._held is None:
            self._pass_on(part)
        else:
            self._held.write(part)
            self._held_stop += len(part)

    def _pass_on(self, part: bytes | memoryview) -> None:
        self._sink.write(part)
        self.bytes_count += len(part)

    def _copy(self, held: IO[bytes], start: int, stop: int) -> None:
        held.seek(start - self._held_start)
        while start < stop:
            part = held.read(min(_PIECE_BYTES, stop - start))
            assert part, "the held part is as long as what was written to it"
            self._pass_on(part)
            start += len(part)
