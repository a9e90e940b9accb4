"""Signs of numbers: `sign`, `plus` and `minus`, which must be told from each other and from the digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from tracciati.declare.fields import Line

Sign = Literal["", "leading", "trailing", "overpunch"]
SIGNS: tuple[Sign, ...] = ("leading", "trailing", "overpunch")


def read_sign(line: Line) -> tuple[Sign, str, str]:
    """`Field.sign`, `Field.plus` and `Field.minus`."""
    sign = cast(Sign, line.table("sign").choice("sign", SIGNS, ""))
    for key in ("plus", "minus"):
        if key in line.table(key) and sign in ("", "overpunch"):
            why = "the letters of an overpunched digit are fixed" if sign else "there is no `sign`"
            line.table(key).problem(key, f"{line.called(key)}: `{key}` has no meaning: {why}", "take it out")
    if sign in ("", "overpunch"):
        return sign, "", ""
    is_delimited = line.form.kind == "delimited"
    may_lack = is_delimited and sign == "leading"
    plus_table = line.table("plus")
    plus = plus_table.text("plus", "" if may_lack else "+", may_be_empty=may_lack)
    minus = line.table("minus").text("minus", "-")
    # A sign that has no place of its own is told from a digit by what it is.
    is_floating = is_delimited or (sign == "leading" and line.table("pad").value.get("pad") == " ")
    for key, text in (("plus", plus), ("minus", minus)):
        if (
            (text or not may_lack)
            and (len(text) != 1 or not text.isascii() or not text.isprintable())
            or (is_floating and text.isdigit())
        ):
            line.table(key).problem(
                key,
                f"{line.called(key)}: `{key}` must be one ASCII character, and no digit",
                f'as {key} = "{_USUAL[key]}"',
            )
            return "", "", ""
    if plus == minus:
        plus_table.problem("plus", f"{line.called('plus')}: `plus` and `minus` are the same", "write two signs")
        return "", "", ""
    return sign, plus, minus


_USUAL = {"plus": "+", "minus": "-"}
