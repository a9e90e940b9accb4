"""Source: a file's bytes, read once from front to back, hashed on the way, a block at a time."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import weakref
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tracciati.errors import ReadingError
from tracciati.limits import BLOCKS_IN_USE

Bytes = NDArray[np.uint8]


class _Memory:
    """Room for a few blocks. What a block no longer needs is used again, not given back to the machine and taken anew:
    that took a tenth of a reading's time. Forked processes see it too.
    """

    def __init__(self, blocks_count: int, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        try:
            self._map: mmap.mmap | bytes = mmap.mmap(-1, blocks_count * block_bytes)
        except OSError:
            self._map, blocks_count = b"", 0  # nothing to be had in one piece: each block takes its own
        self._free = list(range(blocks_count))
        self.whole: Bytes = np.frombuffer(self._map, np.uint8)

    def take(self, size: int) -> Bytes:
        """Memory for a block: shared, unless it is too large or whoever reads keeps many blocks."""
        if size > self._block_bytes or not self._free:
            return np.empty(size, np.uint8)
        place = self._free.pop()
        found: Bytes = np.frombuffer(self._map, np.uint8, size, place * self._block_bytes)
        # All that is cut out of it keeps it alive; with the last of these it is free.
        weakref.finalize(found, self._free.append, place).atexit = False
        return found


class Source:
    """Reads blocks. `at_end` is known as soon as the last byte has been given out.

    source   a path, the bytes themselves, or a binary file that is open at the place to begin from
    block_bytes  how many bytes to read at a time
    blocks_ahead  how many blocks there may be at a time, so that their memory is used again
    sha256   the hash (hex) where it is known already: then it is not computed
    """

    def __init__(
        self,
        source: Path | bytes | BinaryIO,
        *,
        block_bytes: int,
        blocks_ahead: int = 0,
        name: str = "",
        sha256: str = "",
    ) -> None:
        self.name = name
        self.block_bytes = block_bytes
        self.bytes_count = 0
        self.at_end = False
        self._known_hash = sha256
        self._hash = hashlib.sha256()
        self._ahead = b""
        self._data: Bytes | None = None
        self._file: BinaryIO | None = None
        self._owned = False
        self._base = 0
        if isinstance(source, bytes | bytearray | memoryview):
            self._data = self.memory = np.frombuffer(source, np.uint8)
            return
        # A block begins with what the one before left over, which is seldom more than half a block.
        self._memory = _Memory(blocks_ahead + BLOCKS_IN_USE, block_bytes + block_bytes // 2)
        self.memory = self._memory.whole
        if isinstance(source, str | os.PathLike):
            self.name = self.name or str(source)
            try:
                self._file = open(source, "rb", buffering=0)  # noqa: SIM115  # closed by close()
            except OSError as error:
                raise ReadingError("open", self.name, error.strerror or str(error), "check the path") from error
            self._owned = True
            return
        self._file = source
        self.name = self.name or str(getattr(source, "name", ""))
        self._base = source.tell() if source.seekable() else 0

    def sha256(self) -> str:
        """Hash (hex) of all bytes given out so far."""
        return self._known_hash or self._hash.hexdigest()

    def _add_to_hash(self, fresh: Bytes) -> None:
        if not self._known_hash:
            self._hash.update(fresh.data)

    def more(self, kept: Bytes) -> Bytes:
        """A new block: `kept` (the end of the one before) and the bytes that follow it in the file."""
        if self._data is not None:
            stop = min(self.bytes_count + self.block_bytes, len(self._data))
            block = self._data[self.bytes_count - len(kept) : stop]
            self._add_to_hash(block[len(kept) :])
            self.bytes_count, self.at_end = stop, stop == len(self._data)
            return block
        buffer = self._memory.take(len(kept) + self.block_bytes + 1)
        buffer[: len(kept)] = kept
        filled = self._fill(buffer, len(kept))
        # One byte is read ahead, so that the last block is known to be the last one.
        stop = min(filled, len(kept) + self.block_bytes)
        self._ahead = buffer[stop:filled].tobytes()
        self.at_end = not self._ahead
        block = buffer[:stop]
        self._add_to_hash(block[len(kept) :])
        self.bytes_count += stop - len(kept)
        return block

    def place(self, block: Bytes) -> int | None:
        """Where a block begins in `memory`, which forked processes have too; None where it lies elsewhere."""
        place = _address(block) - _address(self.memory)
        return place if 0 <= place <= len(self.memory) - len(block) else None

    def _fill(self, buffer: Bytes, filled: int) -> int:
        assert self._file is not None, "bytes are not filled"
        for byte in self._ahead:
            buffer[filled] = byte
            filled += 1
        view = memoryview(buffer)  # type: ignore[arg-type]  # numpy arrays are buffers
        try:
            while filled < len(buffer):
                count = self._read_into(view[filled:])
                if not count:
                    break
                filled += count
        except OSError as error:
            raise ReadingError(
                "read", self.name, error.strerror or str(error), "check the disk and try again"
            ) from error
        return filled

    def _read_into(self, view: memoryview) -> int:
        read_into = getattr(self._file, "readinto", None)
        if read_into is not None:
            return int(read_into(view) or 0)
        assert self._file is not None
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read_back(self, offset: int, length: int) -> bytes | None:
        """Bytes that were given out before, or None where the source cannot go back (a pipe)."""
        if self._data is not None:
            return self._data[offset : offset + length].tobytes()
        assert self._file is not None
        if not self._file.seekable():
            return None
        try:
            here = self._file.tell()
            self._file.seek(self._base + offset, io.SEEK_SET)
            data = self._file.read(length)
            self._file.seek(here, io.SEEK_SET)
        except OSError as error:
            raise ReadingError(
                "read", self.name, error.strerror or str(error), "check the disk and try again"
            ) from error
        return data

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned and self._file is not None:
            self._file.close()


def _address(array: Bytes) -> int:
    return int(array.__array_interface__["data"][0])
