"""Headings: the document's own words, in both languages. What is said of the layout is in `plain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.plain import Language

_WORDS: Mapping[str, tuple[str, str]] = {
    "document": ("Tracciato record", "Record layout"),
    "contents": ("Indice", "Contents"),
    "page": ("pagina", "page"),
    "of": ("di", "of"),
    "id": ("Identificativo", "Identifier"),
    "version": ("Versione", "Version"),
    "fingerprint": ("Impronta (SHA-256)", "Fingerprint (SHA-256)"),
    "valid_from": ("Valido dal", "Valid from"),
    "source": ("Fonte", "Source"),
    "verified": ("Verifica", "Verification"),
    "file": ("Com'è fatto il file", "How the file is made"),
    "order": ("Ordine dei record", "Order of the records"),
    "structure": ("Struttura", "Structure"),
    "marks": (
        "Nella struttura: ? facoltativo, * anche più volte o mai, + una o più volte, | una delle alternative.",
        "In a structure: ? optional, * any number of times, + once or more, | one of the alternatives.",
    ),
    "records": ("Record", "Records"),
    "record": ("Record", "Record"),
    "present_in": ("Presente in", "Present in"),
    "told_by": ("Riconoscimento", "Recognition"),
    "positions_of": ("Posizioni del record", "Positions of the record"),
    "number": ("N.", "No."),
    "positions": ("Posizioni", "Positions"),
    "column": ("Colonna", "Column"),
    "length": ("Lung.", "Len."),
    "length_most": ("Lung. max", "Max. len."),
    "field": ("Campo", "Field"),
    "required": ("Obbl.", "Req."),
    "yes": ("sì", "yes"),
    "filled_by": ("A cura di", "Filled by"),
    "content": ("Contenuto e controlli", "Content and checks"),
    "all_customer": (
        "Tutti i campi sono compilati da chi invia il file.",
        "All fields are filled by whoever sends the file.",
    ),
    "some_supplier": (
        "A cura di: chi compila il campo. Il cliente invia le richieste; il fornitore scrive gli altri file, nei quali "
        "i campi del cliente ritornano come sono stati ricevuti.",
        "Filled by: who writes the field. The customer sends the requests; the supplier writes the other files, in "
        "which the customer's fields come back as they were received.",
    ),
    "counted": (
        "Le posizioni sono in byte e contate da 1.",
        "Positions are in bytes and counted from 1.",
    ),
    "header_row": ("Riga d'intestazione", "Header line"),
    "codes": ("Codici", "Codes"),
    "codes_of": ("Codici del campo", "Codes of the field"),
    "codes_below": ("uno dei codici elencati sotto", "one of the codes that are listed below"),
    "meaning": ("Significato", "Meaning"),
    "rules": ("Regole", "Rules"),
    "no_rules": ("Nessuna, oltre ai controlli dei campi.", "None, beyond what is checked of the fields."),
    "rule": ("Regola", "Rule"),
    "severity": ("Esito", "Severity"),
    "error": ("errore", "error"),
    "warning": ("avviso", "warning"),
    "text": ("Testo", "Text"),
    "condition": ("Condizione che deve valere", "Condition that must hold"),
    "example": ("Esempio", "Example"),
    "example_is": (
        "Un file valido, con dati inventati, per il verso:",
        "A valid file, with invented data, of the direction:",
    ),
    "no_example": ("Un esempio non può essere generato:", "No example can be made:"),
    "more_records": ("Altri record del file, non mostrati:", "Further records of the file, not shown:"),
    "blank": ("spazi", "blank"),
    "goes_on": ("continua il campo precedente", "the field before goes on"),
    "columns": ("colonne", "columns"),
    "is_verified": (
        "verificato: due file reali e il campione del cliente sono letti senza rilievi",
        "verified: two real files and the customer's own sample read clean",
    ),
    "not_verified": (
        "non verificato: non è stato ancora confrontato con due file reali e con un campione del cliente",
        "not verified: it has not yet been compared with two real files and a sample of the customer's own",
    ),
}


def headings(language: Language) -> dict[str, str]:
    """Every heading by its key, in one language."""
    return {key: italian if language == "it" else english for key, (italian, english) in _WORDS.items()}
