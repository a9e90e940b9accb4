"""Specimens: values for the fields of generated files; valid, varied, the same for the same seed, and nobody's.

Persons are three invented names over and over, a codice fiscale is of a place of birth that does not exist (X...),
a partita IVA begins with 99, which no office gives out. Check characters are computed here and not by the bases that
check them, so that a generated file is a second opinion on them.
"""

from __future__ import annotations

import re
import string
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracciati.bases import binary
from tracciati.generate import patterned
from tracciati.generate.refusal import SpecimenError
from tracciati.layout import ATTESTED
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tracciati.layout import Field

PERSONS = ("ROSSI MARIO", "BIANCHI ANNA", "VERDI LUIGI", "PROVA SOCIETA'", "NERI NICOLÒ")
WORDS = ("PROVA", "ESEMPIO", "CAMPIONE", "MODELLO", "SPECIMEN", "NOTA", "VOCE", "QUALITÀ", "PIÙ")
TEXT_BYTES_MAX = 40

# One value in eight is left out where the layout lets it be: enough to be met in a small file.
LEFT_OUT_ONE_IN = 8

# So many numbers with a sign are below zero.
BELOW_ZERO_ONE_IN = 3

# Amounts and counts stay this short, so that the totals of a large file fit the fields that hold them.
DIGITS_MAX = 6

_FIRST_DAY, _LAST_DAY = date(2025, 1, 1), date(2025, 12, 31)
_EPOCH = date(1970, 1, 1)
_MONTH_LETTERS = "ABCDEHLMPRST"
_CONSONANTS = "BCDFGLMNPRSTVZ"

# Values of the odd places (1st, 3rd, ...) of a codice fiscale, for 0-9 and A-Z; even places count as they are.
# Source: DM 23 dicembre 1976, tables of the check character.
_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD_VALUE = {
    **{str(digit): _ODD[digit] for digit in range(10)},
    **{letter: _ODD[place] for place, letter in enumerate(string.ascii_uppercase)},
}
_EVEN_VALUE = {
    **{str(digit): digit for digit in range(10)},
    **{letter: place for place, letter in enumerate(string.ascii_uppercase)},
}


def column(
    field: Field,
    count: int,
    chance: np.random.Generator,
    *,
    path: str,
    codec: str,
    first: int,
    can_be_empty: bool,
    is_needed: bool = False,
) -> pa.Array:
    """Values for one field.

    count         how many
    chance        where the randomness comes from
    path          `record.field`, for messages
    codec         only characters that it can write are used
    first         index of the first record in the file: what is unique is counted from here
    can_be_empty  may a value be left out without a null text of its own (a cell of a delimited file; blanks)

    is_needed     may none be left out, because another field repeats it

    Returns an array of the Arrow type that reading the field gives: string, int64, decimal128 or date32.
    Raises SpecimenError when the field is too short for `count` unique values.
    """
    if field.unique:
        values = _unique(field, count, first, path)
    elif field.codes is not None:
        values = _chosen(list(field.codes), count, chance)
    elif field.pattern:
        values = patterned.column(field, count, chance, path=path, codec=codec)
    else:
        values = _BY_BASE[field.base](field, count, chance, codec)
    if field.is_number:
        values = _numbers(field, values)
    left_out = not field.required and not field.unique and not is_needed and (bool(field.null) or can_be_empty)
    if not left_out:
        return values
    keep = pa.array(chance.integers(0, LEFT_OUT_ONE_IN, count) > 0)
    return pa.compute.if_else(keep, values, pa.scalar(None, values.type))


def typed(field: Field, text: str) -> str | int | Decimal | date | time:
    """A text that a person wrote (12.50, 2026-01-31) as a value of the field. Raises ValueError when it is none."""
    if field.is_number and not field.is_amount:
        if not re.fullmatch(r"-?[0-9]{1,18}" if field.sign else r"[0-9]{1,18}", text):
            raise ValueError(f"{text!r} is no whole number")
        return int(text)
    if field.base == "boolean":
        if text not in (field.yes, field.no, "true", "false"):
            raise ValueError(f"{text!r} is neither {field.yes!r} nor {field.no!r}")
        return text in (field.yes, "true")
    if field.base == "date":
        try:
            return date.fromisoformat(text)
        except ValueError as problem:
            raise ValueError(f"{text!r} is no day") from problem
    if field.base == "time":
        try:
            return time.fromisoformat(text)
        except ValueError as problem:
            raise ValueError(f"{text!r} is no time of day") from problem
    if not field.is_amount:
        return text
    try:
        value = Decimal(text)
    except ArithmeticError as problem:
        raise ValueError(f"{text!r} is no amount") from problem
    if not value.is_finite() or value.scaleb(field.scale) % 1:
        raise ValueError(f"{text!r} is no amount with {counted(field.scale, 'decimal')}")
    return value


def nothing(field: Field, count: int) -> pa.Array:
    """Nulls of the field's Arrow type."""
    return pa.nulls(count, arrow_type(field))


def days_from(first: date | None, count: int, chance: np.random.Generator) -> pa.Array:
    """Days in the year that begins with `first`: on them a layout that is valid from then on applies."""
    start = ((first or _FIRST_DAY) - _EPOCH).days
    return pa.array(chance.integers(start, start + 365, count, dtype=np.int32), pa.date32())


def arrow_type(field: Field) -> pa.DataType:
    """The Arrow type of a field's values."""
    if field.is_number and not field.is_amount:
        return pa.int64()
    if field.base == "time":
        return pa.time32("s")
    if field.is_amount:
        return pa.decimal128(max(field.digits, field.scale, 1), field.scale)
    if field.base == "boolean":
        return pa.bool_()
    return pa.date32() if field.base == "date" else pa.string()


def _unique(field: Field, count: int, first: int, path: str) -> Any:
    if field.codes is not None:
        codes = list(field.codes)[first : first + count]
        if len(codes) < count:
            why = (
                f"it must be unique, and has {counted(len(field.codes), 'code')} for {counted(first + count, 'record')}"
            )
            raise SpecimenError(path, why, "ask for fewer records")
        return pa.array(codes, pa.string())
    if field.pattern:
        return patterned.distinct(field, count, first, path=path)
    if field.base == "date":
        return _unique_days(field, count, first, path)
    places = min(field.digits or field.length or 9, 9)
    if field.base in ATTESTED:
        places = min(9, _attested_room(field))
    if first + count >= 10**places:
        why = f"{first + count} unique values do not fit into {places} places"
        raise SpecimenError(path, why, "ask for fewer records")
    numbers = np.arange(first + 1, first + count + 1) + max(0, (field.least or 0) - 1)
    if field.most is not None and count and numbers[-1] > field.most:
        why = f"{first + count} unique values do not fit below its greatest one"
        raise SpecimenError(path, why, "ask for fewer records")
    if field.is_number:
        return numbers
    if field.base == "time":
        return pa.array(numbers.astype(np.int32) % 86_400, pa.int32()).cast(pa.time32("s"))
    if field.base in ("codice_fiscale", "partita_iva"):
        return _fiscal_codes(numbers) if field.base == "codice_fiscale" else _vat_numbers(numbers)
    if field.base in ATTESTED:
        return _attested_numbers(field, numbers)
    prefix = "RIF" if field.base == "text" and (field.length or 12) >= places + 3 else ""
    width = (field.length or places) if field.base == "digits" else places
    return pa.array([f"{prefix}{number:0{width}d}" for number in numbers.tolist()], pa.string())


def _unique_days(field: Field, count: int, first: int, path: str) -> Any:
    """One day after another; with two-digit years from the first day that they can name."""
    start = _FIRST_DAY if field.pivot is None else date(1900 + field.pivot, 1, 1)
    last = date.max if field.pivot is None else date(1999 + field.pivot, 12, 31)
    if field.least is not None:
        start = max(start, _EPOCH + timedelta(days=field.least))
    if field.most is not None:
        last = min(last, _EPOCH + timedelta(days=field.most))
        start = min(start, last) if field.least is None else start
    if first + count > (last - start).days:
        why = f"{first + count} unique days do not fit between {start} and {last}"
        raise SpecimenError(path, why, "ask for fewer records")
    begin = (start - _EPOCH).days + first
    return pa.array(np.arange(begin, begin + count, dtype=np.int32), pa.date32())


def _chosen(texts: list[str], count: int, chance: np.random.Generator) -> Any:
    return pa.array(texts, pa.string()).take(pa.array(chance.integers(0, len(texts), count)))


def _text(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    width = min(field.length or TEXT_BYTES_MAX, TEXT_BYTES_MAX)
    persons = [name for name in PERSONS if field.sensitive and _fits(name, codec, width)]
    words = [word for word in WORDS if _fits(word, codec, width)]
    if persons:
        return _chosen(persons, count, chance)
    if not words:
        return _chosen([letter * width for letter in "ABCDEFGH"], count, chance)
    longest = max(len(word.encode(codec)) for word in words)
    places = min(4, width - longest - 1)
    if places < 1:
        return _chosen(words, count, chance)
    numbers = chance.integers(0, 10**places, count).tolist()
    picked = chance.integers(0, len(words), count).tolist()
    return pa.array([f"{words[word]} {n}" for word, n in zip(picked, numbers, strict=True)], pa.string())


def _fits(text: str, codec: str, width: int) -> bool:
    try:
        return len(text.encode(codec)) <= width
    except UnicodeEncodeError:
        return False  # the codec has no such letter; another word is taken


def _digits(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    width = field.length or 8
    cells = chance.integers(ord("0"), ord("9") + 1, (count, width), dtype=np.uint8)
    return _strings(cells)


def _integers(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    least = 1 if field.least is None else field.least
    stop = max(10 ** min(field.digits, DIGITS_MAX), least + 1)
    if field.base == "binary":
        stop = min(stop, binary.range_of(field.length or 1, is_signed=bool(field.sign))[1] + 1)
    if field.most is not None:
        stop = min(stop, field.most + 1)
        least = min(least, field.most)
    numbers = chance.integers(least, stop, count)
    if field.sign and field.least is None:
        below = chance.integers(0, BELOW_ZERO_ONE_IN, count) == 0
        numbers = np.where(below, -np.abs(numbers), numbers)
    return numbers


def _dates(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    first, last = (_FIRST_DAY - _EPOCH).days, (_LAST_DAY - _EPOCH).days
    if field.pivot is not None and field.pivot <= _FIRST_DAY.year % 100:
        # The layout's two-digit years end before: 1999 can be written with any pivot.
        first, last = (date(1999, 1, 1) - _EPOCH).days, (date(1999, 12, 31) - _EPOCH).days
    if field.least is not None and field.least > first:
        first, last = field.least, field.least + (last - first)
    if field.most is not None and field.most < last:
        first, last = max(field.most - (last - first), field.least or field.most - (last - first)), field.most
    return pa.array(chance.integers(first, last + 1, count, dtype=np.int32), pa.date32())


def _times(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    step = 1 if "ss" in field.format else 60
    seconds = chance.integers(0, 86_400 // step, count, dtype=np.int32) * np.int32(step)
    return pa.array(seconds, pa.int32()).cast(pa.time32("s"))


def _codice_fiscale(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    return _fiscal_codes(chance.integers(0, 10**9, count))


def _fiscal_codes(numbers: NDArray[np.int64]) -> Any:
    """A codice fiscale for each number; different ones for different numbers below 10^9."""
    cells = np.empty((len(numbers), 16), np.uint8)
    rest = numbers.copy()
    alphabet = np.frombuffer(_CONSONANTS.encode(), np.uint8)
    for place in range(6):
        rest, letter = np.divmod(rest, len(alphabet))
        cells[:, place] = alphabet[letter]
    # What is left of 10^9 after six letters is below 133; the year and the day of birth take it up.
    year, day = np.divmod(rest + 28 * 40, 28)
    _write_number(cells[:, 6:8], year)
    cells[:, 8] = np.frombuffer(_MONTH_LETTERS.encode(), np.uint8)[numbers % 12]
    _write_number(cells[:, 9:11], day + 1)
    cells[:, 11] = ord("X")
    _write_number(cells[:, 12:15], numbers % 1000)
    total = np.zeros(len(numbers), np.int64)
    for place in range(15):
        value = _ODD_VALUE if place % 2 == 0 else _EVEN_VALUE
        table = np.zeros(256, np.int64)
        for character, worth in value.items():
            table[ord(character)] = worth
        total += table[cells[:, place]]
    cells[:, 15] = ord("A") + total % 26
    return _strings(cells)


def _partita_iva(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    return _vat_numbers(chance.integers(0, 10**8, count))


def _vat_numbers(numbers: NDArray[np.int64]) -> Any:
    """A partita IVA for each number below 10^8: 99, the number, the check digit."""
    cells = np.empty((len(numbers), 11), np.uint8)
    cells[:, :2] = ord("9")
    _write_number(cells[:, 2:10], numbers)
    digits = cells[:, :10].astype(np.int64) - ord("0")
    doubled = digits[:, 1::2] * 2
    total = digits[:, 0::2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
    cells[:, 10] = ord("0") + (10 - total % 10) % 10
    return _strings(cells)


def _booleans(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    return pa.array(chance.integers(0, 2, count) == 1, pa.bool_())


def _attested(field: Field, count: int, chance: np.random.Generator, codec: str) -> Any:
    return _attested_numbers(field, chance.integers(1, 10 ** min(9, _attested_room(field)), count))


def _attested_room(field: Field) -> int:
    """Digits of an attested text that are free: all but its check characters and what stands before the number."""
    around = {"iban": 15, "luhn": 1, "mod97": 2, "mod11": 1}[field.base]
    return max(1, min(field.length or 27, 27) - around)


def _attested_numbers(field: Field, numbers: NDArray[np.int64]) -> Any:
    """A text with check characters for each number; an IBAN of a bank that no country has."""
    room = min(12, _attested_room(field))
    made = []
    for number in numbers.tolist():
        text = f"{number:0{room}d}"
        if field.base == "iban":
            account = f"X9999999999{number:012d}"
            made.append(f"IT{98 - _modulo_97(account + 'IT00'):02d}{account}")
        elif field.base == "luhn":
            made.append(text + str(-_luhn_sum(text) % 10))
        elif field.base == "mod97":
            made.append(f"{text}{98 - _modulo_97(text + '00'):02d}")
        else:
            made.append(text + _eleventh(text, field))
    return pa.array(made, pa.string())


def _modulo_97(text: str) -> int:
    rest = 0
    for character in text:
        rest = (rest * (10 if character.isdigit() else 100) + int(character, 36)) % 97
    return rest


def _luhn_sum(digits: str) -> int:
    """The sum of a number without its check digit."""
    total = 0
    for place, digit in enumerate(digits[::-1]):
        total += int("0246813579"[int(digit)]) if place % 2 == 0 else int(digit)
    return total


def _eleventh(digits: str, field: Field) -> str:
    weights = [*range(2, field.weights + 1)] * len(digits)
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits[::-1], weights, strict=False)) % 11
    return field.eleven if check == 11 else field.ten if check == 10 else str(check)


def _write_number(cells: NDArray[np.uint8], numbers: NDArray[np.int64]) -> None:
    width = cells.shape[1]
    assert not len(numbers) or int(numbers.max()) < 10**width, "the number is wider than its place"
    for place in range(width):
        cells[:, place] = ord("0") + numbers // 10 ** (width - 1 - place) % 10


def _strings(cells: NDArray[np.uint8]) -> Any:
    count, width = cells.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)[: count + 1]
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(cells.tobytes())])


def _numbers(field: Field, values: Any) -> pa.Array:
    if isinstance(values, pa.Array):  # codes: texts as they stand in the file
        values = np.array([int(text.replace(field.mark or ".", "")) for text in values.to_pylist()], np.int64)
    return amounts(field, values)


def amounts(field: Field, values: NDArray[np.int64]) -> pa.Array:
    """Whole numbers, in units of the last decimal, as the field's Arrow type."""
    if field.base == "integer":
        return pa.array(values, pa.int64())
    wide = np.zeros((len(values), 2), np.int64)  # decimal128: two 64-bit words, the lower one first
    wide[:, 0] = values
    wide[:, 1] = values >> 63  # the sign, extended to 128 bits
    return pa.Array.from_buffers(arrow_type(field), len(values), [None, pa.py_buffer(wide.tobytes())])


_BY_BASE: dict[str, Callable[[Field, int, np.random.Generator, str], Any]] = {
    "text": _text,
    "digits": _digits,
    "integer": _integers,
    "decimal": _integers,
    "packed": _integers,
    "binary": _integers,
    "time": _times,
    "date": _dates,
    "codice_fiscale": _codice_fiscale,
    "partita_iva": _partita_iva,
    **dict.fromkeys(ATTESTED, _attested),
    "boolean": _booleans,
}
