"""Samples: the bytes of the files that are given, one after another in memory, and what is doubtful about them.

All of them are looked at as one heap of bytes; `names` and `bounds` tell the files in it apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tracciati.errors import NothingToInfer, ReadingError
from tracciati.framing import LINE_FEED
from tracciati.limits import SAMPLES_BYTES_MAX, SAMPLES_RECORDS_MAX

Bytes = NDArray[np.uint8]
# What a file that is no text of these encodings is full of: EBCDIC's blanks and digits.
_EBCDIC = (0x40, *range(0xF0, 0xFA))
# Share of the bytes that may be control characters: more of them are packed numbers, or no text at all.
_STRANGE_SHARE = 0.05


@dataclass(frozen=True)
class Samples:
    """The files.

    buffer  uint8: all their bytes
    names   what messages call them
    bounds  start and stop of each in the buffer; empty files are not among them
    doubts  what a person has to know about them
    """

    buffer: Bytes
    names: tuple[str, ...]
    bounds: tuple[tuple[int, int], ...]
    doubts: list[str] = field(default_factory=list)

    def file(self, index: int) -> Bytes:
        """The bytes of one file."""
        start, stop = self.bounds[index]
        return self.buffer[start:stop]


def gathered(sources: Sequence[tuple[str, Path | BinaryIO]]) -> Samples:
    """Read the files, each with the name that messages give it.

    Raises ReadingError when one cannot be read or all together are too large, NothingToInfer when all are empty or hold
    no text.
    """
    parts: list[Bytes] = []
    names: list[str] = []
    doubts: list[str] = []
    room = SAMPLES_BYTES_MAX
    for name, source in sources:
        data = _read(name, source, room)
        room -= len(data)
        twin = next((other for other, part in zip(names, parts, strict=True) if part.tobytes() == data), None)
        if twin is not None:
            doubts.append(f"{name} has the same bytes as {twin}, and says nothing more")
        elif data:
            parts.append(np.frombuffer(data, np.uint8))
            names.append(name)
        else:
            doubts.append(f"{name} is empty, and says nothing")
    if not parts:
        raise NothingToInfer(
            names or [name for name, _ in sources], "there is nothing in it", "give a file with records"
        )
    stops = np.cumsum([len(part) for part in parts]).tolist()
    starts = [0, *stops[:-1]]
    buffer = parts[0] if len(parts) == 1 else np.concatenate(parts)
    refuse_too_many(int(np.count_nonzero(buffer == LINE_FEED)), SAMPLES_RECORDS_MAX, "lines", names)
    _refuse_other_kinds(buffer, names)
    return Samples(buffer, tuple(names), tuple(zip(starts, stops, strict=True)), doubts)


def refuse_too_many(count: int, most: int, what: str, names: Sequence[str]) -> None:
    """ReadingError where the samples have more lines or cells than an index in memory is made for."""
    if count > most:
        hint = "give smaller samples: a whole file of an ordinary day says as much"
        raise ReadingError("take", ", ".join(names), f"the samples have {count:,} {what}, more than {most:,}", hint)


def _read(name: str, source: Path | BinaryIO, room: int) -> bytes:
    try:
        if isinstance(source, Path):
            with source.open("rb") as stream:
                data = stream.read(room + 1)
        else:
            data = source.read(room + 1)
    except OSError as problem:
        raise ReadingError("read", name, problem.strerror or str(problem), "check the path") from problem
    if len(data) > room:
        most = f"the samples are more than {SAMPLES_BYTES_MAX // 1_000_000} MB"
        raise ReadingError("take", name, most, "give smaller ones: a whole file of an ordinary day says as much")
    return data


def _refuse_other_kinds(buffer: Bytes, names: list[str]) -> None:
    """NothingToInfer for bytes that are no text: what came out would read them, and mean nothing."""
    counts = np.bincount(buffer[: 1 << 20], minlength=256)
    total = int(counts.sum())
    if counts[list(_EBCDIC)].sum() > total // 3 and counts[ord(" ")] + counts[48:58].sum() < total // 10:
        hint = "have it converted to ASCII, packed fields to digits, before it is looked at"
        raise NothingToInfer(names, "it looks like EBCDIC, of which nothing is proposed", hint)
    strange = total - int(counts[32:].sum() + counts[[9, 10, 13, 26]].sum())
    if strange > _STRANGE_SHARE * total:
        hint = "give the file as the partner sends it: unpacked, and with its numbers in digits"
        raise NothingToInfer(names, f"{strange / total:.0%} of its bytes are no characters of a text", hint)
