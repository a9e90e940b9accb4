"""Fields in plain words: who fills a field (`filled_by`), and all that is agreed beside its kind (`notes`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tracciati.expression import is_total, targets, text_of
from tracciati.layout import DIRECTIONS
from tracciati.plain import direction, directions, listed, quoted, say
from tracciati.plain.balances import goes_on
from tracciati.plain.expressions import derivation
from tracciati.plain.kinds import blanks_or
from tracciati.values import bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.plain import Language

Who = Literal["customer", "supplier", "both"]

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
    series, within = field.sequence.series, field.sequence.within
    if series:
        name = quoted(series, language)
        begins += say(language, it=f", unico per tutti i record di {name}", en=f", one count for all records of {name}")
    if within:
        name = quoted(within, language)
        begins += say(language, it=f", da capo in ogni gruppo {name}", en=f", anew in each group {name}")
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
