"""Names: what a customer's request files are called, and what we call the files that answer them.

A request name is a pattern (`RV_{date:%Y%m%d}_{seq:3}.txt`), the name of a delivery is a template over the request's
name (`{request.stem}.A{delivery:2}`). Names are bytes: a client may send any. Pure: no files, no database.

    in a pattern    {date:FORMAT}      the letters %Y %y %m %d %j %H %M %S, each with all its digits
                    {seq} {seq:3}      digits: at least one, or exactly so many
                    {any}              one or more bytes that are neither "/" nor control characters
    in a template   {request.stem}     the request's name without what follows its last dot
                    {delivery:2}       the delivery's number, filled with zeros to so many digits
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from cominflow.limits import NAME_BYTES_MAX

Kind = Literal["receipt", "rejection", "answer", "invoice"]
KINDS: tuple[Kind, ...] = ("receipt", "rejection", "answer", "invoice")

# What a feed gets that does not say how our files are called.
TEMPLATES: Mapping[Kind, str] = {
    "receipt": "{request.stem}.R01",
    "rejection": "{request.stem}.S01",
    "answer": "{request.stem}.A{delivery:2}",
    "invoice": "{request.stem}.F{delivery:2}",
}

# Digits that we keep room for in a file name: the number of a delivery, and the `.A-17` of `distinct`.
NUMBER_DIGITS_MAX = 6
DISTINCT_BYTES_MAX = 24

_DATE_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2}
_PLACE = re.compile(r"\{([^{}]*)\}")
# Names that clients give to half-written files; the inbox leaves them alone until they are renamed.
_TEMPORARY = re.compile(rb"^\.|^~|\.(tmp|part|filepart|partial)$", re.IGNORECASE)


class NameProblem(ValueError):
    """A pattern or template that cannot be used; `hint` says what can be written instead."""

    def __init__(self, text: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(text)


@dataclass(frozen=True)
class Piece:
    """One piece of a pattern or template: a literal, or a place that is filled.

    kind    "literal", "date", "seq", "any", "stem" or "delivery"
    text    the literal itself, or what stood after the colon
    """

    kind: Literal["literal", "date", "seq", "any", "stem", "delivery"]
    text: str = ""

    @property
    def width(self) -> int:
        """Digits that were asked for; 0 when none were."""
        return int(self.text) if self.text else 0


@dataclass(frozen=True)
class Named:
    """What the name of a request file says. `day` and `sequence` are None when the pattern has no such place."""

    stem: bytes
    day: date | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class RequestName:
    """The pattern of a feed's request names."""

    text: str
    pieces: tuple[Piece, ...]

    @cached_property
    def _expression(self) -> re.Pattern[bytes]:
        return re.compile(b"".join(_expression_of(piece) for piece in self.pieces), re.DOTALL)

    def match(self, name: bytes) -> Named | None:
        """What `name` says, or None when it is not a name of this pattern (a 31 February is not).

        >>> request_name("RV_{date:%Y%m%d}_{seq:3}.txt").match(b"RV_20260301_017.txt")
        Named(stem=b'RV_20260301_017', day=datetime.date(2026, 3, 1), sequence=17)
        """
        found = self._expression.fullmatch(name)
        if found is None:
            return None
        groups = found.groupdict()
        day = None
        if "date" in groups:
            form = next(piece.text for piece in self.pieces if piece.kind == "date")
            try:
                day = datetime.strptime(groups["date"].decode("ascii"), form).date()
            except ValueError:
                return None
        sequence = int(groups["seq"]) if "seq" in groups else None
        return Named(stem_of(name), day, sequence)


@dataclass(frozen=True)
class DeliveryName:
    """The template of one kind of delivery."""

    text: str
    pieces: tuple[Piece, ...]

    def render(self, stem: bytes, number: int = 0) -> bytes:
        """The delivery's file name, for the request file `stem` and the delivery's `number`.

        >>> delivery_name("{request.stem}.A{delivery:2}").render(b"RV_20260301_017", 1)
        b'RV_20260301_017.A01'
        """
        return b"".join(
            stem if piece.kind == "stem"
            else str(number).zfill(piece.width).encode("ascii") if piece.kind == "delivery"
            else piece.text.encode("utf-8")
            for piece in self.pieces
        )  # fmt: skip

    @property
    def has_number(self) -> bool:
        """Does the delivery's number stand in the name?"""
        return any(piece.kind == "delivery" for piece in self.pieces)


@dataclass(frozen=True)
class Names:
    """All names of a feed: how requests are called, and how each kind of delivery is."""

    request: RequestName
    deliveries: Mapping[Kind, DeliveryName]

    def match(self, name: bytes) -> Named | None:
        """What a request's name says; None also when a name derived from it would be too long for a file."""
        named = self.request.match(name)
        if named is None:
            return None
        number = 10**NUMBER_DIGITS_MAX - 1
        longest = max(len(template.render(named.stem, number)) for template in self.deliveries.values())
        return named if longest + DISTINCT_BYTES_MAX <= NAME_BYTES_MAX else None

    def render(self, kind: Kind, request_name: bytes, number: int = 0) -> bytes:
        """The name of one delivery for the request file called `request_name`."""
        return self.deliveries[kind].render(stem_of(request_name), number)


def stem_of(name: bytes) -> bytes:
    """A file name without what follows its last dot.

    >>> stem_of(b"ORD.2026.txt"), stem_of(b"ORD")
    (b'ORD.2026', b'ORD')
    """
    stem, dot, _ = name.rpartition(b".")
    return stem if dot and stem else name


def distinct(name: bytes, arrival_reference: str) -> bytes:
    """The name for a delivery whose own name another arrival has taken (a request name that was used twice).

    >>> distinct(b"RV_20260301_017.R01", "A-18")
    b'RV_20260301_017.R01.A-18'
    """
    return name + b"." + arrival_reference.encode("ascii")


def unknown_receipt(name: bytes, arrival_reference: str) -> bytes:
    """The receipt's name for a file that no feed knows: its own name, where it can stand in one.

    >>> unknown_receipt(b"hello.doc", "A-18"), unknown_receipt(bytes([10]), "A-18")
    (b'hello.doc.A-18.receipt.txt', b'A-18.receipt.txt')
    """
    own = f"{arrival_reference}.receipt.txt".encode("ascii")
    is_plain = bool(name) and all(0x20 < byte != 0x7F for byte in name) and not name.startswith(b".")
    return name + b"." + own if is_plain and len(name) + len(own) + 1 <= NAME_BYTES_MAX else own


def request_name(text: str) -> RequestName:
    """Parse the pattern of request names. Raises NameProblem."""
    pieces = _pieces(text, {"date", "seq", "any"})
    for kind in ("date", "seq"):
        if sum(piece.kind == kind for piece in pieces) > 1:
            raise NameProblem(f"{{{kind}}} stands twice in {text!r}", "keep one; use {any} for the other")
    for piece in pieces:
        if piece.kind == "date":
            _check_date_format(piece.text)
    pattern = RequestName(text, pieces)
    sample = _example(_steps(pieces))
    if _TEMPORARY.search(sample):
        raise NameProblem(
            f"{text!r} is a name of half-written files, which stay in the inbox until they are renamed",
            "choose a name that does not begin with . or ~ and does not end in .tmp .part .partial .filepart",
        )
    if pieces[-1].kind != "literal" or b"." not in pieces[-1].text.encode("utf-8"):
        # Two requests ORD.txt and ORD.csv have the same stem, hence the same answer name.
        can_have_dot = any(piece.kind == "any" for piece in pieces) or "." in text
        if can_have_dot:
            raise NameProblem(
                f"two request files that differ only after the last dot match {text!r} and would have one answer name",
                "end the pattern with a fixed extension, such as .txt",
            )
    return pattern


def delivery_name(text: str) -> DeliveryName:
    """Parse the template of a delivery's name. Raises NameProblem."""
    pieces = _pieces(text, {"stem", "delivery"})
    kinds = [piece.kind for piece in pieces]
    if kinds.count("stem") != 1:
        raise NameProblem(
            f"{text!r} must hold {{request.stem}} once, or the answers to two requests would have one name",
            f"write for example {TEMPLATES['answer']!r}",
        )
    if kinds.count("delivery") > 1:
        raise NameProblem(f"{{delivery}} stands twice in {text!r}", "keep one")
    for before, piece in zip((None, *pieces), pieces, strict=False):
        follows_text = before is not None and before.kind == "literal" and not before.text[-1].isdigit()
        if piece.kind == "delivery" and not follows_text:
            raise NameProblem(
                f"the digits of {{delivery}} in {text!r} cannot be told from those before it",
                "put a letter or a dot before {delivery}",
            )
    template = DeliveryName(text, pieces)
    if _TEMPORARY.search(template.render(b"REQUEST", 1)):
        raise NameProblem(
            f"{text!r} looks like the name of a half-written file, which clients pass over",
            "do not begin with . or ~, and do not end in .tmp .part .partial .filepart",
        )
    return template


def clashes(names: Names) -> list[tuple[Kind, str]]:
    """Which deliveries could be given a name that is not theirs alone: (kind, what is wrong), for a feed's loading.

    Two kinds clash when some request (or two different ones) could give both the same name. Answers and invoices
    are numbered, as each request file may have several.
    """
    found: list[tuple[Kind, str]] = []
    for kind in ("answer", "invoice"):
        if not names.deliveries[kind].has_number:
            text = names.deliveries[kind].text
            found.append(
                (kind, f"{text!r} has no {{delivery}}: a second {kind} for a request would have the same name")
            )
    steps = _steps_of_deliveries(names)
    for place, kind in enumerate(KINDS):
        for other in KINDS[:place]:
            example = _shared(steps[other], steps[kind])
            if example is not None:
                found.append((kind, f"{other} and {kind} could both be called {_shown(example)}"))
    return found


def rival(one: Names, other: Names) -> str | None:
    """Why two feeds of one customer cannot be live together: a request that both take, or deliveries of one name."""
    example = _common(_steps(one.request.pieces), _steps(other.request.pieces))
    if example is not None:
        return f"both take a request file called {_shown(example)}"
    mine, theirs = _steps_of_deliveries(one), _steps_of_deliveries(other)
    for kind in KINDS:
        for other_kind in KINDS:
            example = _shared(mine[kind], theirs[other_kind])
            if example is not None:
                return f"one's {kind} and the other's {other_kind} could both be called {_shown(example)}"
    return None


def common_name(one: tuple[Piece, ...], other: tuple[Piece, ...]) -> str | None:
    """A name that two patterns have in common, for a person; None when they have none."""
    example = _common(_steps(one), _steps(other))
    return None if example is None else _shown(example)


def is_of_a_half_written_file(name: str) -> bool:
    """Whether clients give such names to files whose upload is under way."""
    return bool(_TEMPORARY.search(name.encode()))


# Parsing.

_PLACES: Mapping[str, Literal["date", "seq", "any", "stem", "delivery"]] = {
    "date": "date",
    "seq": "seq",
    "any": "any",
    "request.stem": "stem",
    "delivery": "delivery",
}


def _pieces(text: str, allowed: set[str]) -> tuple[Piece, ...]:
    if not text:
        raise NameProblem("a file name cannot be empty")
    pieces: list[Piece] = []
    end = 0
    for place in _PLACE.finditer(text):
        pieces += _literal(text[end : place.start()])
        name, _, form = place.group(1).partition(":")
        kind = _PLACES.get(name)
        if kind is None or kind not in allowed:
            known = " ".join("{" + word + "}" for word, kind in _PLACES.items() if kind in allowed)
            raise NameProblem(f"{{{place.group(1)}}} is not known here", f"what can stand in this name: {known}")
        if kind in ("seq", "delivery") and form and not (form.isdecimal() and 1 <= int(form) <= 18):
            raise NameProblem(f"{{{place.group(1)}}}: {form!r} is not a number of digits", f"write {{{name}:3}}")
        if kind in ("any", "stem") and form:
            raise NameProblem(f"{{{place.group(1)}}} takes nothing after a colon", f"write {{{name}}}")
        pieces.append(Piece(kind, form))
        end = place.end()
    pieces += _literal(text[end:])
    return tuple(pieces)


def _literal(text: str) -> list[Piece]:
    for character in text:
        if character in "{}/" or not character.isprintable():
            raise NameProblem(f"{character!r} cannot stand in a file name", "braces come in pairs: {seq:3}")
    return [Piece("literal", text)] if text else []


def _check_date_format(form: str) -> None:
    letters = re.findall(r"%(.?)", form)
    unknown = [letter for letter in letters if letter not in _DATE_DIGITS]
    if unknown or not letters:
        shown = f"%{unknown[0]}" if unknown else form
        raise NameProblem(f"{{date:{form}}}: {shown!r} is not a part of a date", "write {date:%Y%m%d}")
    if len(set(letters)) != len(letters) or not ({"Y", "y"} & set(letters)):
        raise NameProblem(f"{{date:{form}}} needs the year once, and no part twice", "write {date:%Y%m%d}")
    if "{" in form or "/" in form:
        raise NameProblem(f"{{date:{form}}} holds a character that no file name has", "write {date:%Y%m%d}")


def _expression_of(piece: Piece) -> bytes:
    if piece.kind == "literal":
        return re.escape(piece.text.encode("utf-8"))
    if piece.kind == "date":
        form = re.sub(r"%(.)|([^%])", _date_expression, piece.text)
        return b"(?P<date>" + form.encode("utf-8") + b")"
    if piece.kind == "seq":
        return b"(?P<seq>[0-9]{%d})" % piece.width if piece.width else b"(?P<seq>[0-9]{1,18})"
    assert piece.kind == "any", piece
    return rb"[^\x00-\x1f\x7f/]+"


def _date_expression(found: re.Match[str]) -> str:
    letter, literal = found.groups()
    return f"[0-9]{{{_DATE_DIGITS[letter]}}}" if letter else re.escape(literal)


# Which names two patterns have in common. A name is a path of steps, each taking one byte out of a set (256 bits of
# an int), some of them any number of times; two patterns are walked together, shortest names first.

Step = tuple[int, bool]  # the set of bytes, and whether it may be taken any number of times (none, too)

_DIGITS = sum(1 << byte for byte in b"0123456789")
_ANY = sum(1 << byte for byte in range(0x20, 256) if byte not in (0x7F, 0x2F))


def _steps(pieces: tuple[Piece, ...]) -> list[Step]:
    steps: list[Step] = []
    for piece in pieces:
        if piece.kind == "literal":
            steps += [(1 << byte, False) for byte in piece.text.encode("utf-8")]
        elif piece.kind == "date":
            for letter, literal in re.findall(r"%(.)|([^%])", piece.text):
                alone: list[Step] = [(1 << byte, False) for byte in literal.encode("utf-8")]
                steps += [(_DIGITS, False)] * _DATE_DIGITS[letter] if letter else alone
        elif piece.kind == "any":
            steps += [(_ANY, False), (_ANY, True)]
        else:
            # A delivery's number may outgrow the digits it is filled to; a sequence with a width may not.
            grows = piece.kind == "delivery" or not piece.width
            steps += [(_DIGITS, False)] * (piece.width or 1) + ([(_DIGITS, True)] if grows else [])
    return steps


def stem_pieces(request: RequestName) -> tuple[Piece, ...]:
    """The pattern of the request's stem: without a fixed ending."""
    *before, last = request.pieces
    stem, dot, _ = last.text.rpartition(".")
    if last.kind != "literal" or not dot:
        return request.pieces
    return (*before, Piece("literal", stem)) if stem else tuple(before)


def _steps_of_deliveries(names: Names) -> Mapping[Kind, list[Step]]:
    stem = stem_pieces(names.request)
    return {
        kind: [step for piece in names.deliveries[kind].pieces for step in _delivery_steps(piece, stem)]
        for kind in KINDS
    }


def _delivery_steps(piece: Piece, stem: tuple[Piece, ...]) -> list[Step]:
    return _steps(stem) if piece.kind == "stem" else _steps((piece,))


def _common(one: list[Step], other: list[Step]) -> bytes | None:
    queue: deque[tuple[int, int, bytes]] = deque([(0, 0, b"")])
    seen = {(0, 0)}
    while queue:
        i, j, name = queue.popleft()
        if i == len(one) and j == len(other):
            return name
        following: list[tuple[int, int, bytes]] = []
        if i < len(one) and one[i][1]:
            following.append((i + 1, j, name))
        if j < len(other) and other[j][1]:
            following.append((i, j + 1, name))
        if i < len(one) and j < len(other) and (both := one[i][0] & other[j][0]):
            following.append((i + (not one[i][1]), j + (not other[j][1]), name + _byte_of(both)))
        for i_next, j_next, longer in following:
            if (i_next, j_next) not in seen:
                seen.add((i_next, j_next))
                queue.append((i_next, j_next, longer))
    return None


def _shared(one: list[Step], other: list[Step]) -> bytes | None:
    """A name that two deliveries could share, counting that one sent as text has a twin ending in `.json`."""
    twin: list[Step] = [(1 << byte, False) for byte in b".json"]
    for mine, theirs in ((one, other), ([*one, *twin], other), (one, [*other, *twin])):
        example = _common(mine, theirs)
        if example is not None:
            return example
    return None


def _example(steps: list[Step]) -> bytes:
    return b"".join(_byte_of(byte_set) for byte_set, repeats in steps if not repeats)


def _byte_of(byte_set: int) -> bytes:
    """The byte of the set that a person reads most easily: a digit, else a letter, else the first one."""
    for byte in b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        if byte_set >> byte & 1:
            return bytes([byte])
    return bytes([(byte_set & -byte_set).bit_length() - 1])


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "backslashreplace"))
