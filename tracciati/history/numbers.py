"""Numbers: does the number of a file go on from the one before it? Pure, and a few words to carry from file to file.

    course = Course()
    judged, course = follow(course, 14, 14, sequence=sequence, largest=99999)

A file may hold one number (in its head) or a run of them (a counter of its records that goes on from file to file);
a run is judged by its first and goes on from its last. Whether a number was there before is the caller's to know:
`follow` is for one that was not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tracciati.history.words import Words

if TYPE_CHECKING:
    from tracciati.layout import Field, Sequence

# "": it goes on. gap: numbers are missing before it. back: it is lower than the last one.
Kind = Literal["", "gap", "back"]


@dataclass(frozen=True)
class Course:
    """How far the numbers of a feed have come.

    last     the number that the next file goes on from; None before the first file
    aside    one that was out of its turn: where the next file goes on from it, the count has begun anew
    lost     files since `last` whose number could not be read: each has taken one
    round    how often the count has begun anew; a number may come again in another round
    """

    last: int | None = None
    aside: int | None = None
    lost: int = 0
    round: int = 0


@dataclass(frozen=True)
class Judged:
    """What is said of a number. `last` is what it was held against; `missing` are the numbers in between."""

    kind: Kind = ""
    last: int = 0
    missing: range = range(0)


def follow(course: Course, first: int, last: int, *, sequence: Sequence, largest: int) -> tuple[Judged, Course]:
    """Judge the numbers `first` to `last` of the next file, and go on from there.

    largest  the greatest number that the field takes; behind it the count begins anew, at `start`, or at 0 or 1 where
             the layout names no start. The first file of all may have any number.
    """
    step, before = sequence.step, course.last
    if before is None:
        return Judged(), replace(course, last=last)
    after = Course(last, None, 0, course.round)
    anew = Course(last, None, 0, course.round + 1)
    starts = (0, 1) if sequence.start is None else (sequence.start,)
    if first == before + step:
        return Judged(), after
    if before + step > largest and first in starts:
        return Judged(), anew
    if course.aside is not None and first == course.aside + step:
        return Judged(), anew
    if first > before:
        steps, rest = divmod(first - before, step)
        if not rest and steps <= 1 + course.lost:
            return Judged(), after
        return Judged("gap", before, range(before + step, first, step)), after
    return Judged("back", before), replace(course, aside=last)


def pass_over(course: Course) -> Course:
    """Go on behind a file whose number cannot be read."""
    return course if course.last is None else replace(course, lost=course.lost + 1)


def largest_of(field: Field) -> int:
    """The greatest number that a field takes."""
    bounds = [int(10**field.digits) - 1]
    if field.most is not None:
        bounds.append(field.most)
    if field.base == "binary" and field.length is not None:
        bounds.append(int(2 ** (8 * field.length - bool(field.sign))) - 1)
    return min(bounds)


def said_of(judged: Judged, number: int, step: int) -> tuple[str, Words]:
    """Code and words for a number that jumps or goes back."""
    params = {"last": str(judged.last), "number": str(number)}
    if judged.kind == "gap":
        params["missing"], params["mancanti"] = missing_words(judged, step)
    wanted = str(judged.last + step)
    return {"gap": "TR-H501", "back": "TR-H503"}[judged.kind], Words(params, wanted, wanted)


def said_of_repeat(number: int, earlier: str) -> tuple[str, Words]:
    """Code and words for a number that another file, `earlier`, had before."""
    expected = ("a number that no file has had", "un numero che nessun file ha avuto")
    return "TR-H502", Words({"number": str(number), "earlier": earlier}, *expected)


def missing_words(judged: Judged, step: int) -> tuple[str, str]:
    """What is missing before a number that jumps, in English and Italian.

    >>> missing_words(Judged("gap", 12, range(13, 14)), 1)
    ('13 was never received', '13 non è mai arrivato')
    >>> missing_words(Judged("gap", 12, range(13, 20)), 1)[0]
    '13 to 19 were never received'
    """
    missing = judged.missing
    if not missing:
        return f"no step of {step}", f"non è un passo di {step}"
    if len(missing) == 1:
        return f"{missing[0]} was never received", f"{missing[0]} non è mai arrivato"
    if len(missing) == 2:
        first, last = missing
        return f"{first} and {last} were never received", f"{first} e {last} non sono mai arrivati"
    by_en = f" ({len(missing)} numbers, in steps of {step})" if step > 1 else ""
    by_it = f" ({len(missing)} numeri, a passi di {step})" if step > 1 else ""
    return (
        f"{missing[0]} to {missing[-1]} were never received{by_en}",
        f"da {missing[0]} a {missing[-1]} non sono mai arrivati{by_it}",
    )
