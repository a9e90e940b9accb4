"""Framing: how the samples are cut into records, found by looking: separators, marks, encoding, kind and length."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracciati.errors import NothingToInfer
from tracciati.framing import BYTE_ORDER_MARK, CARRIAGE_RETURN, END_MARK, LINE_FEED
from tracciati.infer import dialects, periods
from tracciati.infer.samples import Samples
from tracciati.layout import Dialect, FileForm
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.wording import counted

Index = NDArray[np.int64]
Separator = Literal["LF", "CRLF", "none"]

# A record of another length is an exception where nearly all have one; else the lines were trimmed.
_EXCEPTIONS_SHARE = 0.05
# Where so many lines have one length, nobody trimmed them.
_FIXED_SHARE = 0.8
# A delimiter that cuts so many lines alike, when they are of several lengths, is one; when all have one length, it must
# make so many columns, more if it is a mark of numbers and texts too.
_SURE, _COLUMNS_SURE, _COLUMNS_UNSURE = 0.95, 2, 4
# A file of one row, without a line end, is no longer.
_ROW_BYTES = 2_000


@dataclass
class Framing:
    """The form of the files, and their records.

    form             as the layout will have it
    starts, lengths  int64 (n,): each record in the samples' buffer, without separator
    files            int64 (n,): which file it is of
    reasons          key of [file] -> why it is so
    doubts           what a person has to decide or know
    header           titles of the columns, where there is a header row
    names            of the files
    """

    form: FileForm
    starts: Index
    lengths: Index
    files: Index
    reasons: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    header: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.starts)

    def named(self, row: int) -> str:
        """A record as a person finds it: its number in its file, with the file's name where there are several."""
        number = row - int(np.searchsorted(self.files, self.files[row])) + 1
        return str(number) if len(self.names) < 2 else f"{self.names[self.files[row]]}:{number}"


def found(samples: Samples, *, kind: str = "", codec: str = "") -> Framing:
    """Find the form of the samples; `kind` and `codec` where somebody knows them already."""
    doubts = list(samples.doubts)
    spans = [_without_marks(samples, index, doubts) for index in range(len(samples.names))]
    if not any(
        np.isin(samples.buffer[start:stop], (LINE_FEED, CARRIAGE_RETURN), invert=True).any() for start, stop in spans
    ):
        raise NothingToInfer(
            samples.names, "there is no record in it, only line ends and marks", "give a file with records"
        )
    codec, codec_why = _codec(samples, spans, codec, doubts)
    separator, separator_why, last = _separator(samples, spans, doubts)
    form = FileForm("fixed", None, separator, last, codec=codec)
    reasons = {"separator": separator_why, "codec": codec_why}
    if separator == "none":
        if kind == "delimited" or (kind != "fixed" and _is_one_row(samples, form)):
            form = replace(form, separator="LF")
        else:
            return _without_lines(samples, spans, form, reasons, doubts)
    lines = _lines(samples, spans, doubts)
    chosen = dialects.found(samples, form, must=kind == "delimited") if kind != "fixed" else None
    if chosen is not None and (kind == "delimited" or not _is_rather_fixed(lines.lengths, chosen)):
        form = replace(form, kind="delimited", dialect=chosen.dialect)
        reasons["kind"] = chosen.why
        return replace(lines, form=form, reasons=reasons, doubts=doubts)
    return _fixed(lines, form, reasons, doubts)


def _without_marks(samples: Samples, index: int, doubts: list[str]) -> tuple[int, int]:
    """Start and stop of a file's records: without byte order mark and ^Z."""
    start, stop = samples.bounds[index]
    name = samples.names[index]
    if samples.file(index)[:3].tobytes() == BYTE_ORDER_MARK:
        start += 3
        doubts.append(f"{name} begins with a byte order mark: it is skipped, with a warning")
    tail = samples.buffer[max(start, stop - 4096) : stop].tobytes()
    marks = len(tail) - len(tail.rstrip(bytes([END_MARK])))
    if marks:
        doubts.append(f"{name} ends with ^Z: it is skipped, with a warning")
    return start, stop - marks


def _codec(samples: Samples, spans: list[tuple[int, int]], given: str, doubts: list[str]) -> tuple[str, str]:
    if given:
        return given, "as it was said"
    parts = [samples.buffer[start:stop] for start, stop in spans]
    high = np.concatenate([part[part >= 0x80] for part in parts])
    if not len(high):
        if any(start > begin for (start, _), (begin, _) in zip(spans, samples.bounds, strict=True)):
            return "utf-8", "the byte order mark says so; no other byte is above 0x7F"
        return "ascii", "no byte is above 0x7F"
    try:
        for part in parts:
            part.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8", f"all of its {counted(len(high), 'byte')} above 0x7F make characters of UTF-8"
    if ((high >= 0x80) & (high < 0xA0)).any():
        if np.isin(high, (0x81, 0x8D, 0x8F, 0x90, 0x9D)).any():
            doubts.append("encoding: bytes between 0x80 and 0x9F that cp1252 does not have; ask which encoding it is")
            return "iso8859-1", "it has every byte; cp1252 and UTF-8 do not have these"
        return "cp1252", "bytes between 0x80 and 0x9F, which are letters and marks there and nothing in ISO 8859-1"
    doubts.append("encoding: ISO 8859-1 and cp1252 write the bytes of the samples alike; ask which one it is")
    return "iso8859-1", "bytes above 0x9F that make no characters of UTF-8"


def _separator(
    samples: Samples, spans: list[tuple[int, int]], doubts: list[str]
) -> tuple[Separator, str, Literal["required", "optional"]]:
    feeds = returns = last = 0
    for start, stop in spans:
        part = samples.buffer[start:stop]
        at = np.flatnonzero(part == LINE_FEED)
        feeds += len(at)
        returns += int(np.count_nonzero(part[at[at > 0] - 1] == CARRIAGE_RETURN))
        last += bool(len(at)) and int(at[-1]) == len(part) - 1
    if not feeds:
        if (samples.buffer == CARRIAGE_RETURN).any():
            doubts.append("records seem to end in CR alone, which no layout can say: it is read as their last byte")
        return "none", "there is no line feed", "optional"
    separator: Separator = "CRLF" if returns * 2 > feeds else "LF"
    others = feeds - returns if separator == "CRLF" else returns
    if others:
        doubts.append(f"{counted(others, 'line')} of {feeds} end otherwise than by {separator}: each is a warning")
    why = f"{feeds - others} of {counted(feeds, 'line')}"
    why += "; the last record of every sample has it too" if last == len(spans) else "; not every sample ends with one"
    is_required = last == len(spans) > 1 and feeds > len(spans)
    return separator, why, "required" if is_required else "optional"


def _lines(samples: Samples, spans: list[tuple[int, int]], doubts: list[str]) -> Framing:
    """The lines that are not empty."""
    starts, lengths, files, empty = [], [], [], 0
    for index, (start, stop) in enumerate(spans):
        at = np.flatnonzero(samples.buffer[start:stop] == LINE_FEED) + start
        begins = np.concatenate((np.array([start]), at + 1))
        ends = np.append(at, stop)
        inner = np.flatnonzero(at > begins[:-1])
        ends[inner] -= samples.buffer[at[inner] - 1] == CARRIAGE_RETURN
        sizes = ends - begins
        kept = sizes > 0
        empty += int(np.count_nonzero(~kept[:-1]))
        starts.append(begins[kept])
        lengths.append(sizes[kept])
        files.append(np.full(int(kept.sum()), index))
    if empty:
        doubts.append(f"{counted(empty, 'empty line')}: each is skipped, with a warning")
    none = FileForm("fixed", None, "LF")
    return Framing(none, *_joined(starts, lengths, files), names=samples.names)


def _joined(*parts: list[Index]) -> tuple[Index, Index, Index]:
    """Starts, lengths and files of the records of each sample, one after another."""
    starts, lengths, files = (np.concatenate(one) for one in parts)
    return starts, lengths, files


def _is_one_row(samples: Samples, form: FileForm) -> bool:
    """Are samples without a line end one row of cells each? Only where its delimiter is no mark of ordinary text."""
    chosen = dialects.found(samples, replace(form, separator="LF"), must=False)
    if chosen is None or chosen.dialect.delimiter not in ";|\t" or chosen.columns_count < 3:
        return False
    return all(stop - start <= _ROW_BYTES for start, stop in samples.bounds)


def _is_rather_fixed(lengths: Index, chosen: dialects.Chosen) -> bool:
    """Lines of one length that are no table: a mark that stands there by chance, or lines told apart by columns."""
    if len(lengths) < 3:
        return chosen.columns_count < 3 and (len(np.unique(lengths)) == 1 or chosen.share < _SURE)
    modal = int(np.bincount(lengths).max())
    if modal == len(lengths):
        return chosen.columns_count < (_COLUMNS_SURE if chosen.is_sure else _COLUMNS_UNSURE)
    if chosen.is_sure or chosen.share >= _SURE:
        return False
    return modal >= _FIXED_SHARE * len(lengths)


def _fixed(lines: Framing, form: FileForm, reasons: dict[str, str], doubts: list[str]) -> Framing:
    lengths = lines.lengths
    counts = np.bincount(lengths)
    modal = int(counts.argmax())
    others = np.flatnonzero(lengths != modal)
    length, on_short, reasons_length = modal, form.on_short, f"{counts[modal]} of {counted(len(lengths), 'line')}"
    is_few = len(others) <= max(_EXCEPTIONS_SHARE * len(lengths), 1) and len(lengths) > 3
    if len(others) and not is_few:
        length, on_short = int(lengths.max()), "pad"
        reasons_length = f"the longest of {counted(len(lengths), 'line')}; {counts[modal]} have {modal}"
        doubts.append(
            f"lines of different lengths, from {int(lengths.min())} to {length} bytes: they are read as if filled with "
            "blanks (a warning each); ask how long a record is"
        )
    elif len(others):
        named = ", ".join(f"{lines.named(row)} ({int(lengths[row])})" for row in others[:8].tolist())
        more = f" and {len(others) - 8} more" if len(others) > 8 else ""
        doubts.append(f"records of another length than {modal} are refused: {named}{more}")
    if length > RECORD_BYTES_MAX:
        doubts.append(f"lines of {length} bytes are longer than any record may be ({RECORD_BYTES_MAX})")
        length = RECORD_BYTES_MAX
    if form.codec == "utf-8" and "above" in reasons["codec"] and "order mark" not in reasons["codec"]:
        doubts.append("UTF-8 in fixed records: lengths are counted in bytes; ask whether the partner counts characters")
    reasons["length"] = reasons_length
    reasons["kind"] = "lines of one length" if not len(others) else "no delimiter is in all of the lines"
    form = replace(form, length=length, on_short=on_short)
    return replace(lines, form=form, reasons=reasons, doubts=doubts)


def _without_lines(
    samples: Samples, spans: list[tuple[int, int]], form: FileForm, reasons: dict[str, str], doubts: list[str]
) -> Framing:
    """Records without separators: their length is where the bytes repeat themselves."""
    parts = [samples.buffer[start:stop] for start, stop in spans if stop > start]
    length, why, is_sure = periods.between_returns(parts) or periods.length(parts)
    if not is_sure:
        doubts.append(f"record length {length}: {why}; ask how long a record is")
    starts, lengths, files = [], [], []
    for index, (start, stop) in enumerate(spans):
        begins = np.arange(start, stop, length, dtype=np.int64)
        starts.append(begins)
        lengths.append(np.minimum(length, stop - begins))
        files.append(np.full(len(begins), index))
        if (stop - start) % length:
            doubts.append(f"{samples.names[index]} ends inside a record of {length} bytes")
    reasons |= {"length": why, "kind": "no line feed, no delimiter"}
    form = replace(form, length=length, dialect=Dialect())
    return Framing(form, *_joined(starts, lengths, files), reasons, doubts, names=samples.names)
