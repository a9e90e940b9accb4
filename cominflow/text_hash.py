"""Text hash: 64 bits for a text, such as the customer's own words for a request. Pure.

It is part of the stored data: `hashes` gives the same numbers in every release.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Up to this length the hash is computed for all texts at once, above it one by one.
_COLUMN_BYTES_MAX = 64
_SEED, _STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hashes(texts: pa.StringArray) -> NDArray[np.int64]:
    """The hash of each text: int64 (n,). A null has that of the empty text.

    Eight bytes at a time through the finisher of splitmix64; texts longer than 64 bytes through BLAKE2b.
    """
    count = len(texts)
    _, offsets_buffer, data = texts.buffers()
    first = texts.offset
    if count == 0 or offsets_buffer is None:
        return np.zeros(count, dtype=np.int64)
    bounds = np.frombuffer(offsets_buffer, dtype=np.int32)[first : first + count + 1].astype(np.int64)
    starts, lengths = bounds[:-1], np.diff(bounds)
    if texts.null_count:
        lengths[np.asarray(texts.is_null())] = 0
    # Only this column's part of the buffer, and eight zero bytes so that the last word can be read whole.
    part = memoryview(data)[bounds[0] : bounds[-1]] if data is not None else b""
    starts = starts - bounds[0]
    text = np.frombuffer(bytes(part) + bytes(8), dtype=np.uint8)
    words = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text.data, strides=(1,))
    result = _mixed(lengths.astype(np.uint64) * _STEP + _SEED)
    for start in range(0, _COLUMN_BYTES_MAX, 8):
        active = np.flatnonzero((lengths > start) & (lengths <= _COLUMN_BYTES_MAX))
        if not len(active):
            continue
        word = words[starts[active] + start].astype(np.uint64)
        unused = np.maximum(8 - (lengths[active] - start), 0).astype(np.uint64) * np.uint64(8)
        word &= np.uint64(0xFFFFFFFFFFFFFFFF) >> unused
        result[active] = _mixed(result[active] ^ word)
    for index in np.flatnonzero(lengths > _COLUMN_BYTES_MAX).tolist():
        long = text[starts[index] : starts[index] + lengths[index]].tobytes()
        result[index] = int.from_bytes(hashlib.blake2b(long, digest_size=8).digest(), "little")
    return result.view(np.int64)


def hash_of(text: str) -> int:
    """The hash of one text.

    >>> hash_of("")
    -2152535657050944081
    """
    return int(hashes(pa.array([text], pa.string()))[0])


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finisher of splitmix64: one to one, every bit of the input reaches every bit of the output."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    mixed: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return mixed
