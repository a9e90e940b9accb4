"""Words: what the page says around the findings, in both languages. A test holds the two tables together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.findings.formats import Language

_ENGLISH = {
    "title": "Check report",
    "clean": "No findings: the file can be accepted.",
    "warned": "Only warnings: the file can be accepted.",
    "records": "The records named below cannot be accepted.",
    "units": "Requests that cannot be accepted: {bad} of {all}.",
    "around": "The file cannot be accepted (wrong records around the requests: {bad}).",
    "refused": "The file as a whole cannot be accepted.",
    "error": "error",
    "warning": "warning",
    "waived": "waived",
    "file": "File",
    "layout": "Layout",
    "direction": "Direction",
    "size": "Size",
    "records_heading": "Records",
    "requests": "Requests",
    "wrong_requests": "wrong: {bad}",
    "sha256": "SHA-256",
    "unknown_type": "unknown type",
    "totals": "Totals",
    "field": "Field",
    "declared": "Declared",
    "computed": "Computed",
    "result": "Result",
    "equal": "equal",
    "different": "different",
    "unverifiable": "cannot be verified",
    "no_value": "no value",
    "counts": "Findings by kind",
    "code": "Code",
    "what": "What",
    "severity": "Severity",
    "number": "Number",
    "shown": "Shown",
    "findings": "Findings",
    "whole_file": "Whole file",
    "record": "Record",
    "line": "line",
    "offset": "offset",
    "columns": "Columns",
    "column": "Column",
    "expected": "Expected",
    "found": "Found",
    "nothing": "nothing",
    "masked": "not shown, the field is sensitive",
    "remedy": "What to do",
    "source": "Source",
    "rule": "rule",
    "fields": "Fields of the record types",
    "name": "Name",
    "label": "Name in the contract",
    "position": "No.",
    "waivers": "Waivers",
    "waived_rule": "Rule",
    "until": "Until",
    "reason": "Reason",
    "owner": "Owner",
    "state": "State",
    "in_force": "in force",
    "expired": "expired, no longer counts",
    "legend": "How to read the ruler",
    "legend_text": (
        "Each record stands as it came, byte by byte; the numbers above it mark every tenth. Shades and thin lines "
        "tell its fields apart. What is wrong is bold, coloured and underlined; a mark between two bytes shows where "
        "something is missing. * is a byte of a sensitive field, · one that cannot be printed, � one that is no text."
    ),
    "spoken": "Record as it stands: {text}.",
    "spoken_wrong": "Wrong, bytes {first} to {last}: {text}.",
    "spoken_place": "Something is missing before byte {first}.",
    "part": "Bytes {first} to {last} of {length}; the rest is not shown.",
    "made": "Made by tracciati; the same file and layout give the same page.",
}
_ITALIAN = {
    "title": "Rapporto di controllo",
    "clean": "Nessun rilievo: il file può essere accettato.",
    "warned": "Solo avvisi: il file può essere accettato.",
    "records": "I record indicati sotto non possono essere accettati.",
    "units": "Richieste che non possono essere accettate: {bad} di {all}.",
    "around": "Il file non può essere accettato (record errati attorno alle richieste: {bad}).",
    "refused": "Il file nel suo insieme non può essere accettato.",
    "error": "errore",
    "warning": "avviso",
    "waived": "in deroga",
    "file": "File",
    "layout": "Tracciato",
    "direction": "Direzione",
    "size": "Dimensione",
    "records_heading": "Record",
    "requests": "Richieste",
    "wrong_requests": "errate: {bad}",
    "sha256": "SHA-256",
    "unknown_type": "tipo sconosciuto",
    "totals": "Totali",
    "field": "Campo",
    "declared": "Dichiarato",
    "computed": "Calcolato",
    "result": "Esito",
    "equal": "uguale",
    "different": "diverso",
    "unverifiable": "non verificabile",
    "no_value": "nessun valore",
    "counts": "Rilievi per tipo",
    "code": "Codice",
    "what": "Che cosa",
    "severity": "Gravità",
    "number": "Numero",
    "shown": "Mostrati",
    "findings": "Rilievi",
    "whole_file": "Intero file",
    "record": "Record",
    "line": "riga",
    "offset": "offset",
    "columns": "Colonne",
    "column": "Colonna",
    "expected": "Atteso",
    "found": "Trovato",
    "nothing": "niente",
    "masked": "non mostrato, il campo è riservato",
    "remedy": "Da fare",
    "source": "Fonte",
    "rule": "regola",
    "fields": "Campi dei tipi di record",
    "name": "Nome",
    "label": "Nome nel contratto",
    "position": "N.",
    "waivers": "Deroghe",
    "waived_rule": "Regola",
    "until": "Fino al",
    "reason": "Motivo",
    "owner": "Responsabile",
    "state": "Stato",
    "in_force": "in vigore",
    "expired": "scaduta, non vale più",
    "legend": "Come si legge il righello",
    "legend_text": (
        "Ogni record è riportato come è arrivato, byte per byte; i numeri sopra ne segnano uno ogni dieci. Sfondi e "
        "linee sottili separano i campi. Ciò che è errato è in grassetto, colorato e sottolineato; un segno tra due "
        "byte mostra dove manca qualcosa. * è un byte di un campo riservato, · uno che non si può stampare, � uno che "
        "non è testo."
    ),
    "spoken": "Il record come si presenta: {text}.",
    "spoken_wrong": "Errato, byte da {first} a {last}: {text}.",
    "spoken_place": "Manca qualcosa prima del byte {first}.",
    "part": "Byte da {first} a {last} di {length}; il resto non è mostrato.",
    "made": "Prodotto da tracciati; lo stesso file e lo stesso tracciato danno la stessa pagina.",
}
WORDS: Mapping[Language, Mapping[str, str]] = {"en": _ENGLISH, "it": _ITALIAN}

# What a structure's direction is called.
DIRECTIONS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "request": "request",
        "receipt": "receipt",
        "rejection": "rejection",
        "answer": "answer",
        "control": "control",
        "invoice": "invoice",
    },
    "it": {
        "request": "richiesta",
        "receipt": "ricevuta",
        "rejection": "scarto",
        "answer": "risposta",
        "control": "controllo",
        "invoice": "fattura",
    },
}

_COUNTED: Mapping[Language, Mapping[str, tuple[str, str]]] = {
    "en": {
        "error": ("error", "errors"),
        "warning": ("warning", "warnings"),
        "waived": ("waived", "waived"),
        "byte": ("byte", "bytes"),
        "blank": ("blank", "blanks"),
    },
    "it": {
        "error": ("errore", "errori"),
        "warning": ("avviso", "avvisi"),
        "waived": ("in deroga", "in deroga"),
        "byte": ("byte", "byte"),
        "blank": ("spazio", "spazi"),
    },
}


def grouped(number: int, language: Language, scale: int = 0) -> str:
    """A number of smallest units as it is written in that language.

    >>> grouped(809150, "en", 2), grouped(809150, "it", 2), grouped(-5, "it", 2)
    ('8,091.50', '8.091,50', '-0,05')
    """
    whole, rest = divmod(abs(number), 10**scale)
    text = f"{'-' if number < 0 else ''}{whole:,}" + (f".{rest:0{scale}}" if scale else "")
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def counted(number: int, noun: str, language: Language) -> str:
    """A number with its noun, in the plural where it must be.

    >>> counted(1, "error", "it"), counted(1200, "byte", "en")
    ('1 errore', '1,200 bytes')
    """
    one, many = _COUNTED[language][noun]
    return f"{grouped(number, language)} {one if number == 1 else many}"
