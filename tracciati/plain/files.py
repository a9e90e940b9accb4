"""Files in plain words: how a file is cut into records, and what happens to a record that is too short or too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracciati import encodings
from tracciati.plain import number_of, quoted, say

if TYPE_CHECKING:
    from tracciati.layout import Dialect, FileForm
    from tracciati.plain import Language


@dataclass(frozen=True)
class Entry:
    """A thing that is agreed, and what is agreed about it."""

    term: str
    text: str


CODECS = {
    **{name: name.upper() for name in encodings.CODECS},
    **{name: f"ISO 8859-{name.partition('-')[2]}" for name in encodings.CODECS if name.startswith("iso8859-")},
    "iso8859-1": "ISO 8859-1 (Latin-1)",
    "cp1252": "Windows-1252",
    **{name: f"EBCDIC, {name}" for name in encodings.EBCDIC},
}
_SEPARATORS = {"CRLF": "CR LF (0D 0A)", "LF": "LF (0A)", "CR": "CR (0D)"}
_MARKS = {
    ";": ("punto e virgola", "semicolon"),
    ",": ("virgola", "comma"),
    "|": ("barra verticale", "vertical bar"),
    "\t": ("tabulazione", "tab"),
    ":": ("due punti", "colon"),
    " ": ("spazio", "blank"),
    '"': ("virgolette", "double quote"),
    "'": ("apostrofo", "single quote"),
}


def form(file: FileForm, language: Language) -> list[Entry]:
    """Everything that is agreed about a file as such, in the order in which a reader needs it."""
    entries = [_kind(file, language)]
    if file.kind == "fixed":
        entries += _lengths(file, language)
        entries += _blocking(file, language) if file.block else []
    else:
        entries += _dialect(file.dialect, language)
    entries += [_separator(file, language), _last_separator(file, language), _encoding(file, language)]
    if file.reference_date:
        term = say(language, it="Data di riferimento", en="Reference date")
        where = quoted(file.reference_date, language)
        said = say(language, it=f"la data del file è nel campo {where}", en=f"the file's date is in the field {where}")
        entries.append(Entry(term, said))
    return entries


def mark(character: str, language: Language) -> str:
    """A character with its name: «;» (punto e virgola)."""
    if character not in _MARKS:
        return quoted(character, language)
    italian, english = _MARKS[character]
    name = say(language, it=italian, en=english)
    return name if character in "\t " else f"{quoted(character, language)} ({name})"


def _kind(file: FileForm, language: Language) -> Entry:
    term = say(language, it="Tipo di file", en="Kind of file")
    if file.kind == "fixed":
        return Entry(term, say(language, it="record di lunghezza fissa", en="records of fixed length"))
    return Entry(term, say(language, it="campi separati da un delimitatore", en="fields separated by a delimiter"))


def _lengths(file: FileForm, language: Language) -> list[Entry]:
    length = Entry(say(language, it="Lunghezza del record", en="Record length"), _length(file, language))
    short = {
        "reject": say(language, it="è un errore: il record è scartato", en="an error: the record is rejected"),
        "accept": say(
            language,
            it="è ammesso, e letto come se fosse completato con spazi",
            en="is taken, and read as if filled with blanks",
        ),
        "pad": say(
            language,
            it="è letto come se fosse completato con spazi, con un avviso",
            en="is read as if filled with blanks, with a warning",
        ),
    }
    long = {
        "reject": say(language, it="è un errore: il record è scartato", en="an error: the record is rejected"),
        "blank_tail": say(
            language,
            it="è ammesso, con un avviso, se l'eccedenza è di soli spazi; altrimenti è un errore",
            en="is taken, with a warning, when what is too much is blank; an error otherwise",
        ),
        "ignore": say(
            language, it="l'eccedenza è ignorata, con un avviso", en="what is too much is ignored, with a warning"
        ),
    }
    return [
        length,
        Entry(say(language, it="Record più corto", en="Shorter record"), short[file.on_short]),
        Entry(say(language, it="Record più lungo", en="Longer record"), long[file.on_long]),
    ]


def _length(file: FileForm, language: Language) -> str:
    if file.length is None:
        said = say(
            language,
            it="diversa da un tipo di record all'altro, separatore escluso",
            en="differs from one record type to another, without the separator",
        )
    else:
        size = number_of(file.length, language, it=("byte", "byte"), en=("byte", "bytes"))
        said = say(language, it=f"{size}, separatore escluso", en=f"{size}, without the separator")
    if file.length_in:
        name = quoted(file.length_in, language)
        said += say(language, it=f"; la dichiara il campo {name}", en=f"; the field {name} says it")
        if file.length_adds:
            more, beside = abs(file.length_adds), file.length_adds > 0
            it = f", a cui si aggiungono {more} byte" if beside else f", da cui si tolgono {more} byte"
            said += say(language, it=it, en=f", {'plus' if beside else 'minus'} {more} bytes")
    return said


def _blocking(file: FileForm, language: Language) -> list[Entry]:
    term = say(language, it="Blocchi", en="Blocks")
    size = number_of(file.block, language, it=("record", "record"), en=("record", "records"))
    fill = quoted(file.fill, language)
    said = say(
        language,
        it=f"{size}; l'ultimo è completato con righe di soli {fill}",
        en=f"{size}; the last one is filled up with lines of nothing but {fill}",
    )
    return [Entry(term, said)]


def _dialect(dialect: Dialect, language: Language) -> list[Entry]:
    entries = [Entry(say(language, it="Delimitatore", en="Delimiter"), mark(dialect.delimiter, language))]
    term = say(language, it="Virgolettatura", en="Quoting")
    if dialect.quote:
        quote = mark(dialect.quote, language)
        said = say(
            language,
            it=f"{quote}, necessaria intorno a un valore che contiene il delimitatore, il carattere stesso o un "
            "ritorno a capo; dentro il valore il carattere è raddoppiato",
            en=f"{quote}, needed around a value that holds the delimiter, the character itself or a line break; "
            "within the value the character is doubled",
        )
        entries.append(Entry(term, said))
    else:
        entries.append(Entry(term, say(language, it="nessuna", en="none")))
    header = {
        True: say(language, it="la prima riga nomina le colonne", en="the first line names the columns"),
        False: say(language, it="nessuna: la prima riga è un record", en="none: the first line is a record"),
    }
    return [*entries, Entry(say(language, it="Intestazione", en="Header"), header[dialect.header])]


def _separator(file: FileForm, language: Language) -> Entry:
    term = say(language, it="Separatore di record", en="Record separator")
    if file.separator == "none":
        said = say(language, it="nessuno: i record si susseguono", en="none: records follow one another directly")
        return Entry(term, said)
    return Entry(term, _SEPARATORS[file.separator])


def _last_separator(file: FileForm, language: Language) -> Entry:
    term = say(language, it="Dopo l'ultimo record", en="After the last record")
    if file.separator == "none":
        return Entry(term, say(language, it="nulla", en="nothing"))
    said = {
        "required": say(language, it="separatore obbligatorio", en="the separator is required"),
        "optional": say(language, it="separatore facoltativo", en="the separator is optional"),
        "forbidden": say(language, it="nessun separatore", en="no separator"),
    }
    return Entry(term, said[file.last_separator])


def _encoding(file: FileForm, language: Language) -> Entry:
    term = say(language, it="Codifica dei caratteri", en="Character encoding")
    invalid = {"reject": say(language, it="un byte non valido è un errore", en="an invalid byte is an error")}
    return Entry(term, f"{CODECS.get(file.codec, file.codec)}; {invalid[file.on_invalid]}")
