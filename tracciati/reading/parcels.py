"""Parcels: objects with large arrays, passed from process to process in memory that both see.

Pickle writes the object and leaves its arrays (numpy's and Arrow's) aside; each is copied once into the area and once
out of it. What both processes have anyway, such as the layout's fields, travels as a number and arrives as itself.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable
from typing import Any

import numpy as np

# Arrow and numpy like arrays to begin at multiples of it.
_ALIGNMENT = 64
_WORD_BYTES = 8


class Parcels:
    """Packs and unpacks. Made before the processes part, so that `known` has the same numbers in all of them.

    An area lies between a process and its own child, written by nobody else: what pickle reads there can be trusted.
    """

    def __init__(self, known: Iterable[object]) -> None:
        self._known = list(known)  # kept alive, so that no other object gets one of these ids
        self._numbers = {id(thing): number for number, thing in enumerate(self._known)}

    def pack(self, thing: object, area: memoryview) -> bool:
        """Put an object into an area: how many parts, their sizes, the parts. False if it is too small for it."""
        aside: list[pickle.PickleBuffer] = []
        written = io.BytesIO()
        _Pickler(written, self._numbers, aside).dump(thing)
        parts = [written.getbuffer(), *(buffer.raw() for buffer in aside)]
        head = np.array([len(parts), *(len(part) for part in parts)], np.int64)
        starts = _starts(head)
        if starts[-1] > len(area):
            return False
        area[: head.nbytes] = head.tobytes()
        for start, part in zip(starts, parts, strict=False):
            area[start : start + len(part)] = part
        return True

    def unpack(self, area: memoryview, *, copy: bool) -> Any:
        """The object that lies in an area; with `copy`, the area can be used again at once."""
        count = int.from_bytes(area[:_WORD_BYTES], "little")
        head = np.frombuffer(area, np.int64, count + 1)
        parts = [area[start : start + size] for start, size in zip(_starts(head), head[1:].tolist(), strict=False)]
        # Each array is a copy of its own: who keeps one column does not keep them all.
        buffers: list[Any] = [bytearray(part) for part in parts[1:]] if copy else parts[1:]
        return _Unpickler(io.BytesIO(parts[0]), self._known, buffers).load()


def _starts(head: np.ndarray[Any, np.dtype[np.int64]]) -> list[int]:
    """Where each part begins, and after them where the last one ends."""
    starts = [0]
    for size in (head.nbytes, *head[1:].tolist()):
        starts.append(starts[-1] + -(-size // _ALIGNMENT) * _ALIGNMENT)
    return starts[1:]


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, numbers: dict[int, int], aside: list[pickle.PickleBuffer]) -> None:
        super().__init__(file, protocol=5, buffer_callback=aside.append)
        self._numbers = numbers

    def persistent_id(self, obj: object) -> int | None:
        """The number of what the other side has too."""
        return self._numbers.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, known: list[object], buffers: list[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._known = known

    def persistent_load(self, number: int) -> object:
        """What has that number."""
        return self._known[number]
