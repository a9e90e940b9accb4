"""`tracciati import`: a copybook or a table becomes a layout to be edited."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options

if TYPE_CHECKING:
    from tracciati.importing import Imported, Order
    from tracciati.importing.orders import Form, Segment

EXAMPLES = """\b
Examples:
  tracciati import movimenti.cpy > movimenti.toml
  tracciati import movimenti.cpy --codec cp280 --record-format rdw --segment TIPO=T:TESTA --segment TIPO=M:MOVIMENTO
  tracciati import allegato-b.csv --id banca-esempio --column length=Bytes --out allegato-b.toml
"""

_KINDS = {
    **dict.fromkeys((".cpy", ".cob", ".cbl", ".copy", ".copybook"), "copybook"),
    ".csv": "csv",
    ".xlsx": "xlsx",
}
_FORMS = ("fixed", "rdw", "rdw-little", "lines")


@click.command("import", epilog=EXAMPLES)
@options.file_argument
@click.option(
    "--kind",
    type=click.Choice(("copybook", "csv", "xlsx")),
    help="What FILE is.  [default: what its suffix says: .cpy .cob .cbl .csv .xlsx]",
)
@click.option("--id", "identity", default="", help="The layout's id.  [default: from FILE's name]")
@click.option(
    "--codec",
    default="",
    help="The encoding of the files that the layout reads.  [default: cp037 of a copybook, iso8859-1 of a table]",
)
@click.option(
    "--record-format",
    "form",
    type=click.Choice(_FORMS),
    help="Records of one length, each with its length before it (four bytes, as IBM's RDW; `rdw-little`: the lowest"
    " byte first), or lines.  [default: fixed of a copybook, lines of a table]",
)
@click.option(
    "--rdw-adds",
    type=click.IntRange(-1000, 1000),
    help="What is to be added to the length before a record.  [default: 0 for rdw, which counts its own four bytes; 4"
    " for rdw-little]",
)
@click.option(
    "--segment",
    "segments",
    multiple=True,
    metavar="FIELD=VALUE:NAME",
    help="In records whose FIELD has VALUE, the group or record NAME is there; may be given often.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="WHAT=HEADING",
    help="Of a table: the heading for the name, length, start, end, place, type, decimals, format, value, codes,"
    " required, description or record; may be given often.  [default: guessed]",
)
@click.option("--sheet", default="", help="Of XLSX: the sheet.  [default: the first]")
@options.out_option
@options.json_option
def import_(
    file_path: Path,
    kind: str | None,
    identity: str,
    codec: str,
    form: str | None,
    rdw_adds: int | None,
    segments: tuple[str, ...],
    columns: tuple[str, ...],
    sheet: str,
    out_path: Path,
    as_json: bool,
) -> int:
    """Make a layout of FILE, a COBOL copybook or a table of fields.

    The layout loads, is `verified = false`, and is there to be edited: what could not be said, or has to be looked at,
    stands in it as comments that begin with `# ?`. A REDEFINES becomes record types, or variants, where --segment says
    which of its definitions holds when; else the first one stays.

    With --json, the layout's text and its doubts are written as JSON, for programs.
    """
    from tracciati.errors import UnknownName
    from tracciati.target import opened

    chosen = kind or _KINDS.get(file_path.suffix.lower(), "")
    if not chosen:
        raise click.UsageError(f"{file_path} does not say what it is\n  do: add --kind copybook, csv or xlsx")
    if sheet and chosen != "xlsx":
        raise click.UsageError(f"--sheet is for XLSX, and {options.name_of(file_path)} is read as {chosen}")
    if columns and chosen == "copybook":
        raise click.UsageError(f"--column is for tables, and {options.name_of(file_path)} is read as a copybook")
    order = _order(file_path, chosen, identity, codec, form, rdw_adds, _segments(segments, chosen), columns)
    target = options.target_of(out_path, file_path)
    try:
        made = _made(file_path, chosen, order, sheet)
    except UnknownName as problem:
        raise click.UsageError(str(problem)) from problem
    with opened(target) as sink:
        sink.write((_as_json(made) if as_json else made.text).encode())
    if str(out_path) != "-":
        click.echo(_summary(made, out_path), err=True)
    return 0


def _order(
    path: Path,
    kind: str,
    identity: str,
    codec: str,
    form: str | None,
    rdw_adds: int | None,
    segments: tuple[Segment, ...],
    columns: tuple[str, ...],
) -> Order:
    from tracciati.encodings import CODECS, EBCDIC, name_of
    from tracciati.importing import Order
    from tracciati.importing.naming import id_of

    chosen = form or ("fixed" if kind == "copybook" else "lines")
    usual = "cp037" if kind == "copybook" and chosen != "lines" else "iso8859-1"
    known = name_of(codec) if codec else usual
    if not known:
        raise options.unknown(f"no encoding is called `{codec}`", codec, CODECS)
    if chosen == "lines" and known in EBCDIC:
        raise click.UsageError(f"files in {known} have no lines\n  do: add --record-format fixed, or rdw")
    if rdw_adds is not None and not chosen.startswith("rdw"):
        raise click.UsageError("--rdw-adds is for --record-format rdw and rdw-little")
    if identity and id_of(identity) != identity:
        raise click.UsageError(f"--id cannot be {identity!r}\n  do: use small letters, digits and single hyphens")
    adds = rdw_adds if rdw_adds is not None else 4 if chosen == "rdw-little" else 0
    stem = "imported" if str(path) == "-" else path.stem
    name = "standard input" if str(path) == "-" else path.name
    return Order(name, identity or id_of(stem), known, cast("Form", chosen), segments, adds, _columns(columns))


def _segments(written: tuple[str, ...], kind: str) -> tuple[Segment, ...]:
    from tracciati.importing.orders import Segment
    from tracciati.importing.records import called

    found = []
    for text in written:
        field, is_one, rest = text.partition("=")
        value, is_named, name = rest.rpartition(":")
        if not (is_one and is_named and field.strip() and name.strip() and value) or "'" in value:
            raise click.UsageError(f"--segment cannot be {text!r}\n  do: write FIELD=VALUE:NAME, as TIPO=01:TESTA")
        segment = Segment(field.strip(), value, name.strip())
        found.append(called(segment) if kind == "copybook" else segment)
    return tuple(found)


def _columns(written: tuple[str, ...]) -> dict[str, str]:
    from tracciati.importing.headings import ROLES

    found = {}
    for text in written:
        role, is_one, heading = text.partition("=")
        if not is_one or not heading.strip():
            raise click.UsageError(f"--column cannot be {text!r}\n  do: write WHAT=HEADING, as length=Bytes")
        if role not in ROLES:
            raise options.unknown(f"--column knows nothing that is called `{role}`", role, ROLES)
        found[role] = heading.strip()
    return found


def _made(path: Path, kind: str, order: Order, sheet: str) -> Imported:
    from tracciati import importing
    from tracciati.importing import sheets

    data = _bytes_of(path)
    if kind == "xlsx":
        return importing.table(sheets.of_xlsx(data, order.name, sheet), order)
    text = _text_of(data, order.name, kind)
    return (
        importing.copybook(text, order)
        if kind == "copybook"
        else importing.table(sheets.of_csv(text, order.name), order)
    )


def _bytes_of(path: Path) -> bytes:
    from tracciati.errors import ReadingError
    from tracciati.limits import IMPORT_BYTES_MAX

    source = options.source_of(path)
    if isinstance(source, Path):
        with source.open("rb") as opened:
            data = opened.read(IMPORT_BYTES_MAX + 1)
    else:
        data = source.read(IMPORT_BYTES_MAX + 1)
    if len(data) > IMPORT_BYTES_MAX:
        hint = "give the description of the records, not the records"
        raise ReadingError("import", options.name_of(path), f"it has more than {IMPORT_BYTES_MAX} bytes", hint)
    return data


def _text_of(data: bytes, name: str, kind: str) -> str:
    from tracciati.errors import LayoutError, Problem

    if b"\0" in data:
        hint = "give its text; a data file is read with the layout that comes of it"
        raise LayoutError(name, (Problem(0, 0, f"this is no text, and no {kind}", hint),))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _as_json(made: Imported) -> str:
    value = {
        "layout": made.layout.name,
        "records": [{"name": record.name, "length": record.length} for record in made.layout.records],
        "doubts": [asdict(doubt) for doubt in made.doubts],
        "toml": made.text,
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _summary(made: Imported, out_path: Path) -> str:
    from tracciati.wording import counted

    kinds, fields = counted(len(made.layout.records), "record type"), counted(made.fields_count, "field")
    doubts = f"{counted(len(made.doubts), 'doubt')}, marked `# ?` in it" if made.doubts else "no doubts"
    return f"{out_path}: {kinds}, {fields}; {doubts}"
