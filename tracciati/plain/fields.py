"""Fields in plain words: what a field holds (`kind`), who fills it (`filled_by`), all else that is agreed (`notes`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tracciati.expression import is_total, targets, text_of
from tracciati.layout import DIRECTIONS
from tracciati.plain import direction, directions, listed, number_of, quoted, say
from tracciati.plain.balances import goes_on
from tracciati.plain.expressions import derivation
from tracciati.values import bounds
from tracciati.values.signs import punched_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracciati.layout import Base, Direction, Field, FileForm, Layout, Record
    from tracciati.plain import Language

Who = Literal["customer", "supplier", "both"]

_DIGITS = {"it": ("cifra", "cifre"), "en": ("digit", "digits")}
_DATE_IN_ITALIAN = {"yyyy": "AAAA", "yy": "AA", "dd": "GG"}
_ORIGINS: Mapping[str, tuple[str, str]] = {
    "outcome.code": ("codice dell'esito", "the outcome's code"),
    "delivery.number": ("numero della consegna", "number of the delivery"),
    "delivery.is_last": ("ultima consegna, S o N", "last delivery, S or N"),
    "delivery.open_count": ("richieste ancora aperte", "requests that are still open"),
    "document.name": ("nome del documento", "name of the document"),
    "document.sha256": ("impronta SHA-256 del documento", "SHA-256 of the document"),
    "invoice.number": ("numero della fattura", "number of the invoice"),
    "line.reference": ("riferimento della richiesta fatturata", "reference of the request that is invoiced"),
    "line.net": ("imponibile della riga", "net amount of the line"),
    "line.vat": ("IVA della riga", "VAT of the line"),
}
_TARGETS: Mapping[str, tuple[str, str]] = {
    "request.action": ("l'azione richiesta", "the action that is asked for"),
    "request.replaces": ("la richiesta che è sostituita", "the request that is replaced"),
}
_TABLES: Mapping[str, tuple[str, str]] = {
    "it-latin1": (
        "le lettere che la codifica non ha sono scritte senza accenti",
        "letters that the encoding lacks are written without accents",
    ),
}


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


def filled_by(field: Field, record: Record) -> Who:
    """Who fills the field: the customer, the supplier (who answers), or each in its own files."""
    if field.origin or "request" not in _directions(field, record):
        return "supplier"
    return "both" if any(d != "request" for d in field.derive) else "customer"


def _directions(field: Field, record: Record) -> list[Direction]:
    """The directions in which the field exists."""
    return [d for d in DIRECTIONS if record.is_in(d) and (not field.only or d in field.only)]


def who(one: Who, language: Language) -> str:
    """The words for it, short enough for a column."""
    return {
        "customer": say(language, it="cliente", en="customer"),
        "supplier": say(language, it="fornitore", en="supplier"),
        "both": say(language, it="entrambi", en="both"),
    }[one]


def notes(field: Field, record: Record, layout: Layout, language: Language) -> list[str]:
    """All else that is agreed about the field, a sentence each; the codes are the reader's to show."""
    found = [_null(field, language), _pattern(field, language), _bounds(field, language)]
    found += [_same_as(field, language), _sequence(field, language), _unique(field, language)]
    found.append(goes_on(f"{record.name}.{field.name}", layout, language))
    found += [*_derive(field, record, layout, language), _origin(field, record, language), _target(field, language)]
    found += [_when(field, language), _sign_in(field, language), _default(field, language)]
    found += [_only(field.only, language), _overflow(field, language), _transliterate(field, language)]
    if field.sensitive:
        found.append(
            say(
                language,
                it="dato riservato: mascherato ovunque, tranne che nel rapporto per il cliente",
                en="sensitive: masked wherever it is shown, but for the customer's own report",
            )
        )
    return [_sentence(text) for text in found if text]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _null(field: Field, language: Language) -> str:
    if not field.null:
        return ""
    texts = listed([blanks_or(text, language) for text in field.null], language, by="or")
    return say(language, it=f"nessun valore: {texts}", en=f"no value: {texts}")


def _pattern(field: Field, language: Language) -> str:
    if not field.pattern:
        return ""
    shown = quoted(field.pattern, language)
    return say(language, it=f"della forma {shown} (sintassi RE2)", en=f"of the form {shown} (RE2 syntax)")


def _bounds(field: Field, language: Language) -> str:
    if field.least is None and field.most is None:
        return ""
    english, italian = bounds.expected(replace(field, pattern=""))
    return say(language, it=f"valore: {italian}", en=f"value: {english}")


def _same_as(field: Field, language: Language) -> str:
    if not field.same_as:
        return ""
    path = quoted(field.same_as, language)
    return say(language, it=f"stesso valore di {path}", en=f"the same value as {path}")


def _sequence(field: Field, language: Language) -> str:
    if field.sequence is None:
        return ""
    start, step = field.sequence.start, field.sequence.step
    begins = "" if start is None else say(language, it=f", a partire da {start}", en=f", beginning with {start}")
    if field.sequence.scope == "feed":
        return say(
            language,
            it=f"progressivo: +{step} da un file al successivo{begins}",
            en=f"rises by {step} from file to file{begins}",
        )
    return say(
        language,
        it=f"progressivo: +{step} da un record al successivo nel file{begins}",
        en=f"rises by {step} from record to record of the file{begins}",
    )


def _unique(field: Field, language: Language) -> str:
    if not field.unique:
        return ""
    return say(
        language,
        it="univoco: due record di un file di richiesta non hanno lo stesso valore",
        en="unique: no two records of a request file have the same value",
    )


def _derive(field: Field, record: Record, layout: Layout, language: Language) -> list[str]:
    """A total for all directions that have the same, in one sentence."""
    by_text: dict[str, list[Direction]] = {}
    for one, expression in field.derive.items():
        automaton = layout.structure.get(one)
        scope = automaton.scope(record.index, targets(expression)) if automaton and is_total(expression) else ""
        by_text.setdefault(derivation(expression, layout, language, scope or ""), []).append(one)
    found = []
    for text, its in by_text.items():
        where = "" if len(by_text) == 1 and len(its) == len(layout.structure) else f" ({directions(its, language)})"
        found.append(say(language, it=f"totale di controllo{where}: {text}", en=f"control total{where}: {text}"))
    return found


def _origin(field: Field, record: Record, language: Language) -> str:
    if not field.origin:
        return ""
    if field.origin.startswith("result."):
        name = quoted(field.origin.removeprefix("result."), language)
        text = say(language, it=f"risultato {name} del servizio", en=f"result {name} of the service")
    else:
        italian, english = _ORIGINS.get(field.origin, (field.origin, field.origin))
        text = say(language, it=italian, en=english)
    blank = say(language, it="; senza valore nella richiesta", en="; without value in the request")
    return text + blank if "request" in _directions(field, record) else text


def _target(field: Field, language: Language) -> str:
    if not field.target:
        return ""
    italian, english = _TARGETS.get(field.target, (field.target, field.target))
    return say(language, it=f"istruzione: {italian}", en=f"instruction: {english}")


def _when(field: Field, language: Language) -> str:
    if field.when is None:
        return ""
    condition = quoted(text_of(field.when), language)
    return say(language, it=f"presente solo se {condition}", en=f"there only if {condition}")


def _sign_in(field: Field, language: Language) -> str:
    if not field.sign_in:
        return ""
    name = quoted(field.sign_in, language)
    minus, plus = blanks_or(field.minus, language), blanks_or(field.plus, language)
    return say(
        language,
        it=f"segno nel campo {name}: {minus} se negativo, altrimenti {plus}",
        en=f"sign in the field {name}: {minus} below zero, else {plus}",
    )


def _default(field: Field, language: Language) -> str:
    if not field.default:
        return ""
    shown = blanks_or(field.default, language)
    return say(language, it=f"se non c'è un valore si scrive {shown}", en=f"where there is no value {shown} is written")


def _only(only: tuple[Direction, ...], language: Language) -> str:
    if not only:
        return ""
    names = directions(only, language)
    return say(language, it=f"presente solo in: {names}", en=f"present in {names} only")


def _overflow(field: Field, language: Language) -> str:
    if not field.on_overflow:
        return ""
    if field.on_overflow.startswith("continue:"):
        name = quoted(field.on_overflow.removeprefix("continue:"), language)
        return say(language, it=f"se non ci sta, prosegue in {name}", en=f"what does not fit goes on in {name}")
    return {
        "manual": say(
            language,
            it="un valore che non ci sta passa a un operatore: non è mai troncato",
            en="a value that does not fit goes to a person: it is never cut",
        ),
        "outcome": say(
            language,
            it="se il valore non ci sta, la richiesta è resa come non riuscita: non è mai troncato",
            en="where the value does not fit the request is answered as failed: it is never cut",
        ),
    }[field.on_overflow]


def _transliterate(field: Field, language: Language) -> str:
    if not field.transliterate:
        return ""
    italian, english = _TABLES.get(field.transliterate, (field.transliterate, field.transliterate))
    return say(language, it=italian, en=english)


def present_in(record: Record, layout: Layout, language: Language) -> str:
    """The directions whose files hold such records."""
    its = [d for d in DIRECTIONS if d in layout.structure and record.index in layout.structure[d].types]
    return listed([direction(d, language) for d in its], language) if its else ""
