"""Signs of numbers: `sign`, `plus` and `minus`, which must be told from each other and from the digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from tracciati.values.signs import OVERPUNCHED

if TYPE_CHECKING:
    from tracciati.declare.fields import Line

Sign = Literal["", "leading", "trailing", "overpunch", "overpunch_leading", "inside", "column"]
SIGNS: tuple[Sign, ...] = ("leading", "trailing", "overpunch", "overpunch_leading")
_PUNCHED = ("overpunch", "overpunch_leading")


def read_sign(line: Line) -> tuple[Sign, str, str]:
    """`Field.sign`, `Field.plus` and `Field.minus`."""
    if line.table("signed").flag("signed"):
        return "inside", "", ""
    if "sign_in" in line.own:
        return _read_column(line)
    sign = cast(Sign, line.table("sign").choice("sign", SIGNS, ""))
    for key in ("plus", "minus"):
        if key in line.table(key) and not sign:
            line.table(key).problem(
                key, f"{line.called(key)}: `{key}` has no meaning: there is no `sign`", "take it out"
            )
    if not sign:
        return "", "", ""
    if sign in _PUNCHED:
        return _read_punched(line, sign)
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


def _read_column(line: Line) -> tuple[Sign, str, str]:
    """The texts of another field that say that the number is below zero, or not."""
    if "sign" in line.table("sign"):
        line.table("sign").problem("sign", f"{line.called('sign')} has both `sign` and `sign_in`", "take one out")
    if "derive" in line.own:
        line.own.problem("sign_in", f"`{line.name}`: a total cannot have its sign in another field", "give it a `sign`")
    plus, minus = (line.table(key).text(key, usual) for key, usual in _USUAL.items())
    if plus == minus:
        line.table("plus").problem("plus", f"{line.called('plus')}: `plus` and `minus` are the same", "write two texts")
    return "column", plus, minus


def _read_punched(line: Line, sign: Sign) -> tuple[Sign, str, str]:
    """The ten characters for 0 to 9 with a sign punched over them; "" for those of IBM's cards."""
    texts = []
    for key, usual in zip(("plus", "minus"), OVERPUNCHED, strict=True):
        table = line.table(key)
        text = table.text(key)
        if text and (len(set(text)) != 10 or not text.isascii() or not text.isprintable()):
            what = f"{line.called(key)}: `{key}` must be ten ASCII characters, those for 0 to 9"
            table.problem(key, what, f"as {key} = {usual!r}")
            text = ""
        texts.append(text)
    plus, minus = texts
    if set(plus or OVERPUNCHED[0]) & set(minus or OVERPUNCHED[1]) or set(minus) & set("0123456789"):
        what = f"{line.called('minus')}: a character of `minus` is a digit, or one of `plus` too"
        line.table("minus").problem("minus", what, "a plain digit is never below zero")
    return sign, plus, minus


_USUAL = {"plus": "+", "minus": "-"}
