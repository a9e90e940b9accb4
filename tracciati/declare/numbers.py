"""Numbers: the digits of an integer or a decimal, how many of them are decimals, and whether a mark is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from tracciati.layout import NUMBERS
from tracciati.values import signs
from tracciati.values.numerals import DIGITS_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.declare.fields import Line

_BINARY_BYTES_MAX = 8


def read_number(line: Line, length: int | None, sign: str) -> tuple[int, int, Literal["", ",", "."]]:
    """digits, scale and mark of an integer or decimal; zeros for the other bases."""
    if line.base not in NUMBERS:
        return 0, 0, ""
    sign_width = signs.width_of(sign)
    scale = line.table("scale").integer("scale") or 0
    mark = cast(Literal["", ",", "."], line.table("mark").choice("mark", (",", "."), ""))
    if line.base == "decimal":
        line.lacks("scale", "a decimal needs `scale`, the number of its decimals", "add scale = 2")
    if mark and scale == 0:
        line.table("mark").problem(
            "mark", f"{line.called('mark')}: a mark without decimals", "take mark out, or give a scale"
        )
    room = DIGITS_MAX if length is None else length - (1 if mark else 0) - sign_width
    if line.base in ("packed", "binary"):
        room = _raw_room(line, length or 1, is_signed=bool(sign))
    written = line.table("digits").integer("digits", least=1)
    digits = room if written is None else written
    where = line.table("digits") if written is not None else line.table("len")
    key = "digits" if written is not None else "len"
    if digits > DIGITS_MAX:
        hint = f"write digits = {DIGITS_MAX} or fewer; the digits above must then be zeros"
        where.problem(
            key, f"`{line.name}`: {digits} digits are more than {DIGITS_MAX}, the most a number can have", hint
        )
    elif digits > room:
        parts = ["digits", *(["the mark"] if mark else []), *(["the sign"] if sign_width else [])]
        what = f"{' and '.join(parts)} do"
        where.problem(
            key,
            f"`{line.name}`: {digits} {what} not fit into {counted(length or 0, 'byte')}",
            f"write digits = {room} or fewer",
        )
    # A written mark stands after at least one digit: 0,50.
    least = scale + 1 if mark else scale
    if digits < least:
        where.problem(
            key,
            f"`{line.name}`: {digits} digits are too few for {counted(scale, 'decimal')}",
            f"it takes {least} or more",
        )
    return min(digits, DIGITS_MAX), scale, mark


def _raw_room(line: Line, length: int, *, is_signed: bool) -> int:
    """The most digits of a number whose cells are no text."""
    if line.base == "packed":
        return min(2 * length - 1, DIGITS_MAX)
    if length > _BINARY_BYTES_MAX:
        what = f"`{line.name}`: a binary number has {_BINARY_BYTES_MAX} bytes at most, not {length}"
        line.table("len").problem("len", what, "write the bytes that it takes in the record")
    most = 2 ** (8 * min(length, _BINARY_BYTES_MAX) - is_signed) - 1
    return min(len(str(most)), DIGITS_MAX)
