"""The catalogue of findings: every code, its stage, its words in Italian and English, and what to do.

A code never changes its meaning and is never used again. The letter is the stage (L framing, S structure, F field,
R record, G group, T totals, H history); `docs/findings.md` is this table. `{names}` in a text are filled from the
finding's parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "waived"]
Stage = Literal["framing", "structure", "field", "record", "group", "totals", "history"]

# What to do, in English and in Italian.
_CORRECT = (
    "ask the sender to correct the record and send it again",
    "chiedere al mittente di correggere il record e di inviarlo di nuovo",
)
_AGREE = (
    "ask the sender which layout the file was written with, and compare it with the one used here",
    "chiedere al mittente con quale tracciato è stato scritto il file e confrontarlo con quello usato qui",
)
_RESEND = (
    "ask the sender for a complete copy of the file",
    "chiedere al mittente una copia completa del file",
)


@dataclass(frozen=True)
class Entry:
    """What a code means: `english` and `italian` say what is wrong, the remedies what the reader can do."""

    stage: Stage
    severity: Severity
    english: str
    italian: str
    remedy: str = _CORRECT[0]
    remedy_it: str = _CORRECT[1]

    def __post_init__(self) -> None:
        assert (self.remedy == _CORRECT[0]) == (self.remedy_it == _CORRECT[1]), f"{self.english}: one remedy, two words"


CATALOGUE: dict[str, Entry] = {
    "TR-L101": Entry("framing", "error", "record too short", "record troppo corto", *_AGREE),
    "TR-L102": Entry("framing", "error", "record too long", "record troppo lungo", *_AGREE),
    "TR-L103": Entry(
        "framing",
        "warning",
        "record ended by {found}, not by {declared}",
        "record terminato da {found}, non da {declared}",
        "nothing, the record was read; tell the sender, or declare the separator that is sent",
        "nulla, il record è stato letto; avvisare il mittente, oppure dichiarare il separatore che viene usato",
    ),
    "TR-L104": Entry(
        "framing", "error", "the last record has no separator", "l'ultimo record è senza separatore", *_RESEND
    ),
    "TR-L105": Entry(
        "framing",
        "error",
        "a separator after the last record",
        "un separatore dopo l'ultimo record",
        'tell the sender, or declare last_separator = "optional"',
        'avvisare il mittente, oppure dichiarare last_separator = "optional"',
    ),
    "TR-L106": Entry(
        "framing",
        "warning",
        "the file begins with a byte order mark",
        "il file inizia con un byte order mark",
        "nothing, the mark was skipped; tell the sender",
        "nulla, il byte order mark è stato ignorato; avvisare il mittente",
    ),
    "TR-L107": Entry(
        "framing",
        "warning",
        "empty line",
        "riga vuota",
        "nothing, the line was skipped; tell the sender",
        "nulla, la riga è stata ignorata; avvisare il mittente",
    ),
    "TR-L108": Entry(
        "framing",
        "warning",
        "the file ends with an end-of-file character (^Z)",
        "il file termina con un carattere di fine file (^Z)",
        "nothing, the character was skipped; tell the sender",
        "nulla, il carattere è stato ignorato; avvisare il mittente",
    ),
    "TR-L109": Entry(
        "framing",
        "error",
        "a record longer than any record may be",
        "un record più lungo di quanto un record possa essere",
        "look for a quote that is never closed, for lines that end in CR alone, or for a file of another kind",
        "cercare virgolette mai chiuse, righe che terminano con il solo CR, oppure un file di altro tipo",
    ),
    "TR-L110": Entry(
        "framing",
        "error",
        "a quote is never closed",
        "virgolette aperte e mai chiuse",
        "look at the quotes of this record",
        "controllare le virgolette di questo record",
    ),
    "TR-L111": Entry("framing", "error", "the file ends inside a record", "il file termina dentro un record", *_RESEND),
    "TR-L112": Entry(
        "framing", "error", "the header row differs from the layout", "l'intestazione differisce dal tracciato", *_AGREE
    ),
    "TR-L113": Entry(
        "framing",
        "error",
        "{found} instead of {declared}",
        "{trovate} invece di {declared}",
        "too many: look for a delimiter inside a value that is not quoted; too few: for a column that was left out",
        "se sono troppe, cercare un delimitatore in un valore senza virgolette; se sono poche, una colonna omessa",
    ),
    "TR-L114": Entry(
        "framing",
        "error",
        "a quote in the middle of a value",
        "virgolette in mezzo a un valore",
        "ask the sender to quote the whole value and to double the quotes inside it ({doubled})",
        "chiedere al mittente di mettere l'intero valore tra virgolette e di raddoppiare quelle interne ({doubled})",
    ),
    "TR-L115": Entry(
        "framing",
        "warning",
        "short record, read as if filled with blanks",
        "record corto, letto come se completato con spazi",
        "nothing, the layout allows it; tell the sender",
        "nulla, il tracciato lo consente; avvisare il mittente",
    ),
    "TR-L116": Entry(
        "framing",
        "warning",
        "long record, the surplus was not read",
        "record lungo, l'eccedenza non è stata letta",
        "nothing, the layout allows it; tell the sender",
        "nulla, il tracciato lo consente; avvisare il mittente",
    ),
    "TR-L117": Entry(
        "framing",
        "error",
        "no line end in the whole file",
        "nessun fine riga in tutto il file",
        "ask the sender to end each record as the layout says; a carriage return alone (CR) ends none",
        "chiedere al mittente di terminare ogni record come dice il tracciato; il solo ritorno carrello (CR) non basta",
    ),
    "TR-L118": Entry(
        "framing",
        "error",
        "the record says a length that it cannot have",
        "il record dichiara una lunghezza che non può avere",
        *_RESEND,
    ),
    "TR-L119": Entry(
        "framing",
        "warning",
        "the last block is not filled up: {found} in blocks of {block}",
        "l'ultimo blocco non è completo: {trovate} in blocchi da {block}",
        "nothing, the records were read; tell the sender",
        "nulla, i record sono stati letti; avvisare il mittente",
    ),
    "TR-L120": Entry(
        "framing",
        "error",
        "a record behind the lines that fill up the last block",
        "un record dopo le righe di riempimento dell'ultimo blocco",
        "look for records that were put behind the end of the file",
        "cercare i record che sono stati aggiunti dopo la fine del file",
    ),
    "TR-S101": Entry("structure", "error", "unknown record type", "tipo di record sconosciuto", *_AGREE),
    "TR-S102": Entry(
        "structure",
        "error",
        "this record cannot stand here",
        "questo record non può stare qui",
        "ask the sender to put the records in the order of the layout",
        "chiedere al mittente di disporre i record nell'ordine del tracciato",
    ),
    "TR-S103": Entry("structure", "error", "the file ends too soon", "il file termina troppo presto", *_RESEND),
    "TR-S104": Entry(
        "structure",
        "error",
        "this record does not belong in this kind of file",
        "questo record non appartiene a questo tipo di file",
        "check that the file is what its name says it is",
        "controllare che il file sia davvero ciò che dice il suo nome",
    ),
    "TR-S105": Entry(
        "structure",
        "error",
        "a group of records longer than any may be",
        "un gruppo di record più lungo di quanto possa essere",
        "look for the record that should have ended the group",
        "cercare il record che avrebbe dovuto chiudere il gruppo",
    ),
    "TR-F201": Entry("field", "error", "empty, but required", "vuoto, ma obbligatorio"),
    "TR-F202": Entry("field", "error", "not in the list of codes", "non è nell'elenco dei codici"),
    "TR-F203": Entry(
        "field",
        "error",
        "bytes that are no text in this encoding",
        "byte che non sono testo in questa codifica",
        *_AGREE,
    ),
    "TR-F204": Entry("field", "error", "not a run of digits", "non è una sequenza di cifre"),
    "TR-F205": Entry("field", "error", "not a date", "non è una data"),
    "TR-F206": Entry("field", "error", "differs from the constant", "diverso dal valore fisso"),
    "TR-F207": Entry("field", "error", "not a codice fiscale", "non è un codice fiscale"),
    "TR-F208": Entry(
        "field",
        "error",
        "wrong check character of the codice fiscale",
        "carattere di controllo del codice fiscale errato",
    ),
    "TR-F209": Entry("field", "error", "not a partita IVA", "non è una partita IVA"),
    "TR-F210": Entry(
        "field", "error", "wrong check digit of the partita IVA", "cifra di controllo della partita IVA errata"
    ),
    "TR-F211": Entry(
        "field", "error", "decimal mark missing or in the wrong place", "separatore decimale assente o fuori posto"
    ),
    "TR-F212": Entry("field", "error", "wrong alignment or padding", "allineamento o riempimento errato"),
    "TR-F213": Entry(
        "field",
        "warning",
        "filled, but to be left blank by the sender",
        "compilato, ma da lasciare vuoto a cura del mittente",
        "nothing, the answer overwrites it; tell the sender",
        "nulla, la risposta lo sovrascrive; avvisare il mittente",
    ),
    "TR-F214": Entry("field", "error", "longer than the field", "più lungo del campo"),
    "TR-F215": Entry("field", "error", "control characters in a text", "caratteri di controllo in un testo"),
    "TR-F216": Entry("field", "error", "not of the form agreed", "non ha la forma concordata"),
    "TR-F217": Entry("field", "error", "outside of the range agreed", "fuori dall'intervallo concordato"),
    "TR-F218": Entry("field", "error", "not an IBAN", "non è un IBAN"),
    "TR-F219": Entry("field", "error", "wrong check digits of the IBAN", "caratteri di controllo dell'IBAN errati"),
    "TR-F220": Entry("field", "error", "not a number with check digits", "non è un numero con cifre di controllo"),
    "TR-F221": Entry("field", "error", "wrong check digit", "cifra di controllo errata"),
    "TR-F222": Entry("field", "error", "sign missing or unknown", "segno assente o sconosciuto"),
    "TR-F223": Entry("field", "error", "not a packed number", "non è un numero impaccato (packed)"),
    "TR-F224": Entry("field", "error", "not a time of day", "non è un orario"),
    "TR-R301": Entry("record", "error", "out of sequence", "fuori sequenza"),
    "TR-R302": Entry("record", "error", "already used in this file", "già usato in questo file"),
    "TR-R303": Entry("record", "error", "differs from {other}", "diverso da {other}"),
    "TR-R304": Entry("record", "error", "rule {rule} does not hold", "la regola {rule} non è rispettata"),
    "TR-G401": Entry(
        "group",
        "error",
        "the total differs from what its group holds",
        "il totale differisce dal contenuto del suo gruppo",
        "ask the sender to correct the group and send it again",
        "chiedere al mittente di correggere il gruppo e di inviarlo di nuovo",
    ),
    "TR-G402": Entry(
        "group",
        "warning",
        "not checked, because a value it is made of cannot be read",
        "non verificato, perché un valore che lo compone non è leggibile",
        "correct the values named above; the total is then checked",
        "correggere i valori indicati sopra; il totale verrà allora controllato",
    ),
    "TR-T401": Entry(
        "totals",
        "error",
        "the total differs from what the file holds",
        "il totale differisce dal contenuto del file",
        *_RESEND,
    ),
    "TR-T402": Entry(
        "totals",
        "warning",
        "not checked, because an amount it sums cannot be read",
        "non verificato, perché un importo che lo compone non è leggibile",
        "correct the amounts named above; the total is then checked",
        "correggere gli importi indicati sopra; il totale verrà allora controllato",
    ),
    "TR-H501": Entry(
        "history",
        "warning",
        "the number jumps from {last} to {number}: {missing}",
        "il numero passa da {last} a {number}: {mancanti}",
        "look for the files in between, and ask the sender for those that are missing",
        "cercare i file intermedi e chiedere al mittente quelli mancanti",
    ),
    "TR-H502": Entry(
        "history",
        "error",
        "the number {number} was there before, with other content: {earlier}",
        "il numero {number} c'era già, con altro contenuto: {earlier}",
        "ask the sender which of the two files is meant",
        "chiedere al mittente quale dei due file è quello buono",
    ),
    "TR-H503": Entry(
        "history",
        "warning",
        "the number goes back from {last} to {number}",
        "il numero torna indietro da {last} a {number}",
        "see whether the files stand in their order; if so, ask the sender whether the file came late or the count "
        "began anew",
        "verificare se i file sono nel loro ordine; in tal caso chiedere al mittente se il file è arrivato tardi o se "
        "la numerazione è ricominciata",
    ),
    "TR-H504": Entry(
        "history",
        "warning",
        "not compared with the other files, because there is no value that can be read",
        "non confrontato con gli altri file, perché non c'è un valore leggibile",
        "check the file by itself and correct the value",
        "controllare il file da solo e correggere il valore",
    ),
    "TR-H505": Entry(
        "history",
        "error",
        "the same content as {earlier}",
        "lo stesso contenuto di {earlier}",
        "leave one of the two out; nothing else is said of the second one",
        "lasciarne fuori uno dei due; del secondo non si dice altro",
    ),
    "TR-H506": Entry(
        "history",
        "error",
        "already used in another file: {earlier}, line {line}",
        "già usato in un altro file: {earlier}, riga {line}",
        "ask the sender whether it is the same thing once more, or another one that needs a key of its own",
        "chiedere al mittente se è la stessa cosa inviata di nuovo, o un'altra che vuole una chiave sua",
    ),
    "TR-H507": Entry(
        "history",
        "error",
        "the opening balance differs from the closing balance in {earlier}",
        "il saldo iniziale differisce dal saldo finale in {earlier}",
        "look for a file in between that is missing; else ask the sender which of the two balances is right",
        "cercare un file intermedio mancante; altrimenti chiedere al mittente quale dei due saldi è giusto",
    ),
    "TR-H508": Entry(
        "history",
        "warning",
        "no file of {day}, when one was expected",
        "nessun file del {day}, quando uno era atteso",
        "ask the sender for it",
        "chiederlo al mittente",
    ),
}

STAGES: tuple[Stage, ...] = ("framing", "structure", "field", "record", "group", "totals", "history")
