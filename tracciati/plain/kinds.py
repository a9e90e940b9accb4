"""Kinds of fields in plain words: what stands in a field, its size, and how the rest of it is filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati.plain import listed, number_of, quoted, say
from tracciati.values.signs import punched_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracciati.layout import Base, Field, FileForm
    from tracciati.plain import Language

_DIGITS = {"it": ("cifra", "cifre"), "en": ("digit", "digits")}
_DATE_IN_ITALIAN = {"yyyy": "AAAA", "yy": "AA", "dd": "GG"}


def kind(field: Field, form: FileForm, language: Language) -> str:
    """What stands in the field: its type, its size and how the rest is filled.

    >>> from tracciati import declare
    >>> layout = declare.load("layouts/banca-demo/visure.toml")
    >>> kind(layout.field("richiesta.importo_max"), layout.file, "en")
    'numeric, 11 digits of which 2 decimals, without a decimal mark, zero filled on the left'
    """
    parts = [_KINDS[field.base](field, form, language)]
    if field.sign:
        parts.append(_sign(field, language))
    parts.append(_filled(field, form, language))
    return ", ".join(part for part in parts if part)


def _text(field: Field, form: FileForm, language: Language) -> str:
    return _sized(say(language, it="alfanumerico", en="alphanumeric"), field, form, language)


def _sized(text: str, field: Field, form: FileForm, language: Language) -> str:
    """The text with the field's size, where it has one."""
    if field.length is None:
        return text
    is_bytes = form.codec == "utf-8"
    italian = ("byte", "byte") if is_bytes else ("carattere", "caratteri")
    english = ("byte", "bytes") if is_bytes else ("character", "characters")
    size = number_of(field.length, language, it=italian, en=english)
    if form.kind == "fixed":
        return f"{text}, {size}"
    return f"{text}, {say(language, it=f'al massimo {size}', en=f'at most {size}')}"


def _digits(field: Field, form: FileForm, language: Language) -> str:
    kept = say(language, it="zeri a sinistra compresi", en="zeros on the left included")
    if field.length is None:
        return say(language, it=f"codice di sole cifre, {kept}", en=f"code of digits only, {kept}")
    size = number_of(field.length, language, it=_DIGITS["it"], en=_DIGITS["en"])
    if form.kind == "delimited" or field.pad == " ":
        return say(language, it=f"codice di al massimo {size}, {kept}", en=f"code of at most {size}, {kept}")
    return say(language, it=f"codice di {size}, {kept}", en=f"code of {size}, {kept}")


def _number(field: Field, form: FileForm, language: Language) -> str:
    text = say(language, it="numerico", en="numeric")
    size = number_of(field.digits, language, it=_DIGITS["it"], en=_DIGITS["en"])
    if form.kind == "delimited" or field.pad == " ":
        size = say(language, it=f"al massimo {size}", en=f"at most {size}")
    if not field.scale:
        return say(language, it=f"{text} intero, {size}", en=f"whole number, {size}")
    decimals = number_of(field.scale, language, it=("decimale", "decimali"), en=("decimal", "decimals"))
    written = {
        "": say(language, it="senza separatore decimale", en="without a decimal mark"),
        ",": say(language, it="con la virgola decimale", en="with a decimal comma"),
        ".": say(language, it="con il punto decimale", en="with a decimal point"),
    }[field.mark]
    return f"{text}, {size}{say(language, it=f' di cui {decimals}', en=f' of which {decimals}')}, {written}"


def _date(field: Field, form: FileForm, language: Language) -> str:
    text = say(language, it=f"data {_italian_format(field.format)}", en=f"date {field.format}")
    if field.pivot is None:
        return text
    ends = [1900 + field.pivot, 1999, 2000, 2000 + field.pivot - 1]
    after = "" if field.pivot == 0 else f"{ends[2]}-{ends[3]}"
    before = f"{ends[0]}-{ends[1]}"
    spans = listed([span for span in (before, after) if span], language)
    return say(language, it=f"{text}, anni {spans}", en=f"{text}, years {spans}")


def _italian_format(text: str) -> str:
    for english, italian in _DATE_IN_ITALIAN.items():
        text = text.replace(english, italian)
    return text


def _time(field: Field, form: FileForm, language: Language) -> str:
    return say(language, it=f"ora {field.format}", en=f"time {field.format}")


def _raw(field: Field, form: FileForm, language: Language) -> str:
    """A number whose cells are no text."""
    size = number_of(field.length or 0, language, it=("byte", "byte"), en=("byte", "bytes"))
    digits = number_of(field.digits, language, it=_DIGITS["it"], en=_DIGITS["en"])
    if field.base == "packed":
        text = say(language, it="numero impaccato (COMP-3)", en="packed number (COMP-3)")
    else:
        order = {
            "big": say(language, it="il byte più alto per primo", en="highest byte first"),
            "little": say(language, it="il byte più basso per primo", en="lowest byte first"),
        }[field.endian]
        text = say(language, it=f"numero binario, {order}", en=f"binary number, {order}")
    text = say(language, it=f"{text}, {size}, al massimo {digits}", en=f"{text}, {size}, at most {digits}")
    if not field.scale:
        return text
    decimals = number_of(field.scale, language, it=("decimale", "decimali"), en=("decimal", "decimals"))
    return text + say(language, it=f" di cui {decimals}", en=f" of which {decimals}")


def _const(field: Field, form: FileForm, language: Language) -> str:
    shown = blanks_or(field.value, language)
    return say(language, it=f"costante {shown}", en=f"constant {shown}")


def _filler(field: Field, form: FileForm, language: Language) -> str:
    return say(
        language,
        it="non utilizzato; ciò che contiene non è letto ed è conservato",
        en="not used; what it holds is not read, and is kept",
    )


def _codice_fiscale(field: Field, form: FileForm, language: Language) -> str:
    return say(
        language,
        it="codice fiscale, 16 caratteri con il carattere di controllo (anche in caso di omocodia), o 11 cifre",
        en="Italian tax code (codice fiscale), 16 characters with their check character, or 11 digits",
    )


def _partita_iva(field: Field, form: FileForm, language: Language) -> str:
    return say(
        language,
        it="partita IVA, 11 cifre con la cifra di controllo",
        en="Italian VAT number (partita IVA), 11 digits with their check digit",
    )


def _iban(field: Field, form: FileForm, language: Language) -> str:
    return say(
        language,
        it="IBAN, in maiuscolo e senza spazi, con le cifre di controllo (ISO 13616)",
        en="IBAN, in capitals and without blanks, with its check digits (ISO 13616)",
    )


def _luhn(field: Field, form: FileForm, language: Language) -> str:
    text = say(
        language,
        it="numero con cifra di controllo secondo Luhn (ISO/IEC 7812-1)",
        en="number with a check digit by Luhn (ISO/IEC 7812-1)",
    )
    return _sized(text, field, form, language)


def _mod97(field: Field, form: FileForm, language: Language) -> str:
    text = say(
        language,
        it="lettere maiuscole e cifre con due cifre di controllo, modulo 97 (ISO 7064)",
        en="capitals and digits with two check digits, modulo 97 (ISO 7064)",
    )
    return _sized(text, field, form, language)


def _mod11(field: Field, form: FileForm, language: Language) -> str:
    ten, eleven = quoted(field.ten, language), quoted(field.eleven, language)
    text = say(
        language,
        it=f"numero con cifra di controllo, modulo 11 con pesi da 2 a {field.weights} da destra; un controllo di 10 si "
        f"scrive {ten}, di 11 {eleven}",
        en=f"number with a check digit, modulo 11 with weights 2 to {field.weights} from the right; a check of 10 is "
        f"written {ten}, of 11 {eleven}",
    )
    return _sized(text, field, form, language)


def _boolean(field: Field, form: FileForm, language: Language) -> str:
    yes, no = blanks_or(field.yes, language), blanks_or(field.no, language)
    return say(language, it=f"{yes} per sì, {no} per no", en=f"{yes} for yes, {no} for no")


# Every base of the language; a test compares them with `layout.BASES`.
_KINDS: Mapping[Base, Callable[[Field, FileForm, Language], str]] = {
    "text": _text,
    "digits": _digits,
    "integer": _number,
    "decimal": _number,
    "date": _date,
    "const": _const,
    "filler": _filler,
    "codice_fiscale": _codice_fiscale,
    "partita_iva": _partita_iva,
    "iban": _iban,
    "luhn": _luhn,
    "mod97": _mod97,
    "mod11": _mod11,
    "boolean": _boolean,
    "time": _time,
    "packed": _raw,
    "binary": _raw,
}


def blanks_or(text: str, language: Language) -> str:
    """A text in quotation marks; one of blanks or zeros alone as so many of them, which nobody has to count."""
    if text and not text.strip(" "):
        return number_of(len(text), language, it=("spazio", "spazi"), en=("blank", "blanks"))
    if len(text) > 3 and not text.strip("0"):
        return number_of(len(text), language, it=("zero", "zeri"), en=("zero", "zeros"))
    return quoted(text, language)


def _sign(field: Field, language: Language) -> str:
    if field.sign == "column":
        return ""
    if field.sign == "inside":
        return say(language, it="con il segno", en="with its sign")
    if field.sign in ("overpunch", "overpunch_leading"):
        plus, minus = (quoted(letters, language) for letters in punched_letters(field))
        is_last = field.sign == "overpunch"
        place = say(language, it="nell'ultima" if is_last else "nella prima", en="last" if is_last else "first")
        return say(
            language,
            it=f"segno {place} cifra (da 0 a 9: {plus}; se negativo: {minus})",
            en=f"sign in the {place} digit (0 to 9: {plus}; below zero: {minus})",
        )
    minus, plus = (blanks_or(text, language) if text else "" for text in (field.minus, field.plus))
    else_it, else_en = f"altrimenti {plus or 'nulla'}", f"else {plus or 'nothing'}"
    if field.sign == "trailing":
        return say(
            language,
            it=f"seguito dal segno: {minus} se negativo, {else_it}",
            en=f"followed by its sign: {minus} below zero, {else_en}",
        )
    assert field.sign == "leading", field.sign
    return say(
        language,
        it=f"preceduto dal segno: {minus} se negativo, {else_it}",
        en=f"preceded by its sign: {minus} below zero, {else_en}",
    )


def _filled(field: Field, form: FileForm, language: Language) -> str:
    """How a value that is narrower than its field stands in it; "" where none can be."""
    if form.kind == "delimited" or field.length is None or field.length <= _least_size(field):
        return ""
    side = ("sinistra", "left") if field.align == "right" else ("destra", "right")
    if field.pad == "0":
        return say(language, it=f"con zeri a {side[0]}", en=f"zero filled on the {side[1]}")
    if field.pad == " ":
        return say(language, it=f"con spazi a {side[0]}", en=f"blank filled on the {side[1]}")
    pad = quoted(field.pad, language)
    return say(language, it=f"completato con {pad} a {side[0]}", en=f"filled with {pad} on the {side[1]}")


def _least_size(field: Field) -> int:
    """The size of the shortest value that the field can have."""
    if field.base in ("const", "date", "time", "filler", "packed", "binary") or (
        field.base == "digits" and field.pad == "0"
    ):
        return field.length or 0
    if field.base == "boolean":
        return min(len(field.yes), len(field.no))
    return 11 if field.base in ("partita_iva", "codice_fiscale") else 1
