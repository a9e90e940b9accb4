"""Quotes of delimited files, all at once and in pieces, against a reader that goes from byte to byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tracciati.framing import Continues, quotes

TEXTS = st.lists(st.sampled_from([b"'", b"''", b";", b"\n", b"a", b"D'A", b";'", b"';", b"\r\n"]), max_size=40)


def byte_by_byte(text: bytes) -> list[bool]:
    """Which bytes are quotes that open or close, as the rules are told."""
    real, is_inside, may_open, just_closed = [], False, True, False
    for byte in text:
        is_quote = byte == ord("'")
        is_real = is_quote and (is_inside or may_open or just_closed)
        if is_real:
            just_closed, is_inside = is_inside, not is_inside
        else:
            just_closed = False
        may_open = byte in b";\n" and not is_inside
        real.append(is_real)
    return real


def found(text: bytes, continues: Continues = "") -> tuple[list[bool], Continues]:
    buffer = np.frombuffer(text, np.uint8)
    quoting = quotes.find(buffer, ord("'"), ord(";"), first=0, continues=continues)
    if quoting is None:
        return [False] * len(text), quotes.left_without(buffer, ord(";"), continues)
    return quoting.real.tolist(), quoting.left


@given(TEXTS)
@settings(max_examples=500)
def test_the_quotes_found_at_once_are_those_found_byte_by_byte(parts: list[bytes]) -> None:
    text = b"".join(parts)
    real, left = found(text)
    assert real == byte_by_byte(text)
    assert (left == "quoted") == (sum(real) % 2 == 1)


@given(TEXTS, st.data())
@settings(max_examples=500)
def test_where_a_text_is_cut_does_not_change_which_quotes_count(parts: list[bytes], data: st.DataObject) -> None:
    text = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    real: list[bool] = []
    continues: Continues = ""
    for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = text[start:stop]
        flags, left = found(piece, continues)
        real += flags
        # Behind a line feed outside of quotes a record begins: nothing is unfinished there.
        continues = "" if left == "record" and (piece.endswith(b"\n") or not piece and not continues) else left
    assert real == byte_by_byte(text)
