"""A column as one array."""

from __future__ import annotations

import pyarrow as pa

from cominflow.arrow import in_one_piece


def test_a_single_piece_is_not_copied() -> None:
    piece = pa.array(["RSSMRA", None, "BNCLRA"])
    whole = in_one_piece(pa.chunked_array([piece]))
    assert whole.equals(piece) and whole.buffers()[2].address == piece.buffers()[2].address
    assert in_one_piece(piece) is piece


def test_several_pieces_and_none_are_joined() -> None:
    assert in_one_piece(pa.chunked_array([[1, 2], [3]])).to_pylist() == [1, 2, 3]
    assert in_one_piece(pa.chunked_array([], pa.int64())).equals(pa.array([], pa.int64()))
