"""Do constants, sentinels and codes fit the field they are declared for? One that does not could never be met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracciati.declare.fields import Line
    from tracciati.declare.toml import Table


def encoded_length(text: str, codec: str) -> int | None:
    """Bytes that a text takes in a codec; None when the codec has no such character."""
    try:
        return len(text.encode(codec))
    except UnicodeEncodeError:
        return None


def check_constant(line: Line, value: str, length: int | None) -> None:
    """A const's value fills the field exactly; in a delimited layout it has at least one character."""
    table = line.table("value")
    size = _size(line, table, "value", value)
    if size is None:
        return
    if line.form.kind == "fixed" and size != length:
        hint = "write the value with all its characters, blanks included, or change len"
        table.problem(
            "value", f"`{line.name}`: the value {value!r} has {counted(size, 'byte')}, the field {length}", hint
        )
    elif size == 0 or (length is not None and size > length):
        table.problem("value", f"`{line.name}`: the value {value!r} does not fit the column")


def check_null(line: Line, null: Sequence[str], length: int | None) -> None:
    """A sentinel of a fixed field has its full length; that of a column is not longer than it."""
    table = line.table("null")
    if line.base in ("packed", "binary"):
        _check_null_bytes(line, table, null, length or 0)
        return
    for text in null:
        size = _size(line, table, "null", text)
        if size is None or length is None:
            continue
        if line.form.kind == "fixed" and size != length:
            hint = f"write it with {counted(length, 'character')}, blanks included"
            table.problem(
                "null", f"`{line.name}`: the null text {text!r} has {counted(size, 'byte')}, the field {length}", hint
            )
        elif size > length:
            table.problem(
                "null",
                f"`{line.name}`: the null text {text!r} is longer than the {counted(length, 'byte')} of the column",
            )


def _check_null_bytes(line: Line, table: Table, null: Sequence[str], length: int) -> None:
    """What stands for no value where the cells are no text: the hexadecimal digits of all its bytes."""
    for text in null:
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raw = b""
        if len(raw) != length or " " in text:
            hint = f"write {counted(2 * length, 'hexadecimal digit')}, as {'40' * length!r} for blanks of EBCDIC"
            table.problem("null", f"`{line.name}`: {text!r} is not the {counted(length, 'byte')} of the field", hint)


def check_codes(line: Line, codes: Mapping[str, str] | None, null: Sequence[str], length: int | None, pad: str) -> None:
    """A code fits the field, does not begin or end with what is padding there, and is not a null sentinel too."""
    table = line.table("codes")
    if codes is not None and not codes:
        table.problem("codes", f"`{line.name}`: `codes` is empty, so that no value would be right", "list the codes")
    for code in codes or ():
        size = _size(line, table, "codes", code)
        if size is None:
            continue
        if length is not None and size > length:
            table.problem(
                ("codes", code), f"`{line.name}`: the code {code!r} has {counted(size, 'byte')}, the field {length}"
            )
        if line.base == "digits":
            _check_digits_code(line, table, code, length)
        elif code != code.strip(pad) or not code:
            hint = f"a field padded with {pad!r} reads it as {code.strip(pad)!r}"
            table.problem(("codes", code), f"`{line.name}`: the code {code!r} begins or ends with padding", hint)
        if code in {text.strip() for text in null}:
            table.problem(("codes", code), f"`{line.name}`: {code!r} is both a code and a null text", "keep one")


def _check_digits_code(line: Line, table: Table, code: str, length: int | None) -> None:
    if not (code.isascii() and code.isdigit()):
        table.problem(("codes", code), f"`{line.name}`: the code {code!r} is not a run of digits")
    elif length is not None and line.form.kind == "fixed" and len(code) != length:
        hint = f'digits keep their zeros: write "{code.zfill(length)}"' if len(code) < length else ""
        table.problem(
            ("codes", code), f"`{line.name}`: the code {code!r} does not have the field's {length} digits", hint
        )


def _size(line: Line, table: Table, key: str, text: str) -> int | None:
    """Bytes of a text in the file's codec; a problem and None when it cannot be written in it."""
    size = encoded_length(text, line.form.codec)
    if size is None:
        hint = "change the text, or the file's encoding"
        table.problem(key, f"`{line.name}`: {text!r} cannot be written in {line.form.codec}", hint)
    return size
