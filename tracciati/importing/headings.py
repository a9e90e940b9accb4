"""Headings: what the columns of a table of fields are called, in Italian and English, and the words in their cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# What a column can be, and the headings by which it is known. The first that fits wins; `--column` says others.
ROLES: Mapping[str, tuple[str, ...]] = {
    "record": ("record", "tipo record", "record type", "tracciato", "segmento", "segment"),
    "name": (
        "campo",
        "nome campo",
        "nome",
        "field",
        "field name",
        "name",
        "nome del campo",
        "denominazione",
        "attributo",
    ),
    "length": ("lunghezza", "lungh", "lung", "len", "length", "size", "dimensione", "bytes", "byte", "lunghezza campo"),
    "start": ("da", "from", "start", "inizio", "posizione iniziale", "dal", "pos iniziale", "pos in", "begin"),
    "end": ("a", "to", "end", "fine", "posizione finale", "al", "pos finale", "pos fin", "stop"),
    "place": ("posizione", "posizioni", "pos", "position", "positions", "colonne", "columns"),
    "type": ("tipo", "tipo dato", "tipo campo", "type", "data type", "formato campo", "picture", "pic", "natura"),
    "decimals": ("decimali", "dec", "decimals", "n decimali", "scale", "cifre decimali"),
    "format": ("formato", "format", "formato data", "date format"),
    "value": ("valore", "valore fisso", "costante", "value", "constant", "fixed value", "default"),
    "codes": ("codici", "valori", "valori ammessi", "dominio", "codes", "values", "allowed values", "codifica"),
    "required": ("obbligatorio", "obbl", "obbligatorieta", "required", "mandatory", "o f", "m o"),
    "description": (
        "descrizione",
        "description",
        "note",
        "nota",
        "significato",
        "contenuto",
        "meaning",
        "notes",
        "commento",
    ),
}

TYPES: Mapping[str, tuple[str, ...]] = {
    "text": (
        "an", "a", "x", "alfanumerico", "alfanum", "alfabetico", "alphanumeric", "alpha", "text", "testo", "string",
        "stringa", "char", "character", "carattere", "varchar", "c", "s",
    ),
    "number": (
        "n", "num", "numerico", "numeric", "number", "numero", "integer", "int", "intero", "9", "importo", "amount",
        "decimal", "decimale",
    ),
    "digits": ("digits", "cifre"),
    "date": ("d", "data", "date", "dt"),
    "time": ("ora", "orario", "time", "hour"),
    "packed": ("packed", "comp 3", "comp3", "packed decimal", "p", "impaccato"),
    "binary": ("binary", "binario", "comp", "b"),
    "filler": ("filler", "blank", "blanks", "spazi", "spazio", "riservato", "reserved", "vuoto"),
    "const": ("const", "costante", "fisso", "constant", "fixed"),
}  # fmt: skip

YES = frozenset({"o", "obbl", "obbligatorio", "s", "si", "y", "yes", "m", "mandatory", "required", "x", "true", "1"})
CODES = frozenset({"tipo record", "tipo rec", "record type", "codice record", "record code", "identificativo record"})
FILLERS = frozenset({"filler", "blank", "blanks", "spazi", "vuoto", "riservato", "reserved", "disponibile", "libero"})


def plain(text: str) -> str:
    """A heading or a word of a cell as it is compared: small letters, no accents, no marks."""
    found = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", found).strip()


def role_of(heading: str) -> str:
    """What a column is, by its heading; "" when that says nothing."""
    word = plain(heading)
    return next((role for role, words in ROLES.items() if word in words), "")


def type_of(text: str) -> str:
    """The kind of type that a cell names, one of `TYPES`; "" when it names none."""
    word = plain(text)
    return next((kind for kind, words in TYPES.items() if word in words), "")
