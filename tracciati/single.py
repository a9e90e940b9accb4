"""Single: one record of a fixed layout, read and written through the `fixedwidth` package, by the same declaration.

For a form, a test, a quick look; and the second opinion that the engine is held to in the tests: independent code on
the same bytes. What that package lacks is said in LACKS; there it only cuts and pads, and nobody checks.

It is laxer than the engine: `int` takes " 12" and "+12", and blanks at both ends of a text are dropped. Use
`tracciati.reading` to decide whether a record is right.

>>> from tracciati.layout import Field, Record
>>> record = Record("riga", 0, (Field("tipo", "const", 0, 2, value="20"), Field("anno", "integer", 2, 4, digits=4, \
align="right", pad="0")), {})
>>> read(b"200042", record).values
{'tipo': '20', 'anno': 42}
>>> write({"anno": 7}, record)
b'200007'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fixedwidth.fixedwidth import FixedWidth

from tracciati.errors import DoesNotFit
from tracciati.layout import ATTESTED
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.layout import Base, Field, Record

Value = str | int | Decimal | date | None

# Bases that `fixedwidth` has no type for: their bytes are carried as strings, unchecked.
LACKS: tuple[Base, ...] = ("filler", "codice_fiscale", "partita_iva", "boolean", "time", "packed", "binary", *ATTESTED)

# Forms of a base that it lacks; done here around it: decimals that are implied are carried as integers, a written
# comma as a point, and a year of two digits is put into the century that the layout's pivot says.
LACKS_FORMS = ("integer, decimal: signed", "decimal: implied", "decimal: comma", "date: yy with a pivot")

_TYPES: Mapping[Base, str] = {
    "text": "string",
    "digits": "numeric",
    "integer": "integer",
    "decimal": "decimal",
    "date": "date",
    "const": "string",
    "filler": "string",
    "codice_fiscale": "string",
    "partita_iva": "string",
    **dict.fromkeys(("boolean", "time", "packed", "binary", *ATTESTED), "string"),
}


# The package strips whatever Python calls white space. Some of these bytes are half a letter ("à" is C3 A0 in UTF-8),
# and none is a blank: they are carried by characters that nobody strips.
_NO_BLANKS = {byte: 0xE000 + byte for byte in range(256) if chr(byte).isspace() and byte != ord(" ")}
_BACK = {carried: byte for byte, carried in _NO_BLANKS.items()}


@dataclass(frozen=True)
class Single:
    """One record: `values` by field name (None: no value), and why the `unreadable` ones are not among them."""

    values: Mapping[str, Value]
    unreadable: Mapping[str, str]


def fixedwidth_config(record: Record) -> dict[str, dict[str, Any]]:
    """The record type as the `fixedwidth` package wants it declared: field name -> its configuration."""
    return {field.name: _config(field) for field in record.apart}


def read(raw: bytes, record: Record, *, codec: str = "ascii") -> Single:
    """Read one record.

    raw     the record without its separator, as long as the layout says
    codec   the file's encoding

    Never raises for bad data: a field that cannot be read is named in `unreadable`.
    """
    # One character per byte, whatever the encoding: positions are bytes. Texts are decoded after the cut.
    text = raw.decode("latin-1")
    prepared = "".join(_prepared(text[field.start : field.stop], field) for field in record.apart)
    values: dict[str, Value] = {}
    unreadable: dict[str, str] = {}
    for field in record.apart:
        # A record of this one field, so that one bad field does not take the others with it.
        reader = FixedWidth({field.name: {**_config(field), "start_pos": 1}})
        try:
            reader.line = prepared[field.start : field.stop]
            values[field.name] = _value(reader.data[field.name], field, codec)
        except (ValueError, ArithmeticError) as problem:  # Decimal's own error is an ArithmeticError
            unreadable[field.name] = str(problem) or f"not a {field.base}"
    return Single(values, unreadable)


def write(values: Mapping[str, Value], record: Record, *, codec: str = "ascii") -> bytes:
    """Write one record.

    values  by field name: str, int, Decimal or date; None or absent leaves the field empty

    Returns the record without separator. Raises DoesNotFit for a value of another kind or too long for its field.
    """
    unknown = sorted(values.keys() - record.by_name.keys())
    assert not unknown, f"{record.name} has no field {', '.join(unknown)}"
    config = fixedwidth_config(record)
    data: dict[str, Any] = {}
    for field in record.apart:
        value = values.get(field.name)
        if field.base == "const":
            data[field.name] = field.value if value is None else value
        elif value is None:
            # The package knows no texts for "no value": such a field is a string of its own.
            config[field.name] |= {"type": "string", "alignment": "left", "padding": " "}
            data[field.name] = _empty(field)
        else:
            data[field.name] = _datum(value, field, record, codec)
            if isinstance(data[field.name], str) and field.base == "decimal":
                config[field.name] |= {"type": "string"}
    try:
        line: str = FixedWidth(config, line_end="", **data).line
    except ValueError as problem:
        # It names the field first in each of its messages.
        name = str(problem).split(" ", 1)[0]
        raise DoesNotFit(f"{record.name}.{name}", 0, values.get(name), " ".join(str(problem).split())) from problem
    commas = [field for field in record.fields if field.base == "decimal" and field.mark == ","]
    for field in commas:
        line = line[: field.start] + line[field.start : field.stop].replace(".", ",") + line[field.stop :]
    return line.encode("latin-1")


def _config(field: Field) -> dict[str, Any]:
    config: dict[str, Any] = {
        "required": False,
        "type": _TYPES[field.base],
        "start_pos": field.start + 1,
        "end_pos": field.stop,
        "alignment": field.align,
        "padding": field.pad,
        "default": None,
    }
    if field.base == "date":
        config["format"] = _strptime(field.format)
    if field.sign:
        config["type"] = "string"  # its digits and its sign, as they stand
    elif field.base == "decimal":
        if field.mark:
            config["precision"] = field.scale
        else:
            config["type"] = "integer"
    if field.base == "const":
        config["value"] = field.value
        del config["default"]
    return config


def _strptime(form: str) -> str:
    escaped = form.replace("%", "%%")
    for ours, theirs in (("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d")):
        escaped = escaped.replace(ours, theirs)
    return escaped


def _prepared(cell: str, field: Field) -> str:
    """The cell with its texts for "no value" made blank, and its mark made a point."""
    if cell in [text.ljust(len(cell)) for text in field.null]:
        return " " * len(cell)
    if _TYPES[field.base] in ("string", "numeric") or field.sign:
        return cell.translate(_NO_BLANKS)
    return cell.replace(",", ".") if field.base == "decimal" and field.mark == "," else cell


def _value(value: Any, field: Field, codec: str) -> Value:
    if value is None:
        return None
    if field.base == "decimal" and not field.sign:
        return Decimal(value) if field.mark else Decimal(value).scaleb(-field.scale)
    if isinstance(value, datetime):
        day = value.date()
        if field.pivot is None:
            return day
        century = 2000 if day.year % 100 < field.pivot else 1900
        return day.replace(year=century + day.year % 100)
    if isinstance(value, str):
        return value.translate(_BACK).encode("latin-1").decode(codec)
    assert isinstance(value, int), type(value)
    return value


def _datum(value: Any, field: Field, record: Record, codec: str) -> Any:
    """The value as `fixedwidth` takes it. It pads "-5" to "00-5" and rounds 1.239 to 1.24, so both are refused here."""
    path = f"{record.name}.{field.name}"
    if isinstance(value, int | Decimal) and value < 0:
        raise DoesNotFit(path, 0, value, f"{value} is negative and the field has no sign")
    if field.base == "decimal" and isinstance(value, int | Decimal):
        units = Decimal(value).scaleb(field.scale)
        if units != units.to_integral_value():
            raise DoesNotFit(path, 0, value, f"{value} has more than {counted(field.scale, 'decimal')}")
        if not field.mark:
            return int(units)
        # `fixedwidth` writes str(Decimal), which below 0.000001 is 1E-7: those go as plain text.
        plain = f"{Decimal(value):.{field.scale}f}"
        return plain if "E" in str(Decimal(plain)) else Decimal(value)
    if field.base == "date" and isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            return value.encode(codec).decode("latin-1")
        except UnicodeEncodeError as problem:
            raise DoesNotFit(path, 0, value, f"{value!r} cannot be written in {codec}") from problem
    return value


def _empty(field: Field) -> str:
    assert field.length is not None, "only fixed records are read and written here"
    return field.null[0] if field.null else (field.pad if field.base == "filler" else " ") * field.length
