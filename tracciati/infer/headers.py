"""Headers: is the first line of a delimited file a row of titles?"""

from __future__ import annotations

import numpy as np

from tracciati.infer import classes
from tracciati.infer.tables import Index, Table

_LOOKED_AT = 500


def found(table: Table) -> tuple[tuple[str, ...], str]:
    """The titles, with why; none where the first line is a record like the others."""
    files = table.framing.files
    firsts = np.flatnonzero(np.diff(files, prepend=-1))
    titles = [_titles(table, int(row)) for row in firsts.tolist()]
    if not titles or any(one != titles[0] for one in titles) or not _are_titles(titles[0]):
        return (), "the first line is like the others, or differs between the samples"
    rows = np.setdiff1d(np.arange(len(table)), firsts)[:_LOOKED_AT]
    if not len(rows):
        return (titles[0], "there is nothing but the first line") if len(firsts) > 1 else ((), "there is one line only")
    if int(np.bincount(table.counts(rows)).argmax()) != len(titles[0]):
        return (), "the first line has other cells than those below"
    others = [column for column in range(len(titles[0])) if _differs(table, rows, column, titles[0][column])]
    if not others:
        return (), "the first line is made of the same characters as the others"
    return titles[
        0
    ], f"no figures stand in the first line, and {len(others)} of its {len(titles[0])} cells are unlike those below"


def _titles(table: Table, row: int) -> tuple[str, ...]:
    at = np.array([row])
    count = int(table.counts(at)[0])
    texts = []
    for column in range(count):
        cells = table.cells(at, column)
        assert cells.lengths is not None, "delimited cells have lengths"
        texts.append(
            cells.cells[0, : int(cells.lengths[0])].tobytes().decode(table.framing.form.codec, "replace").strip()
        )
    return tuple(texts)


def _are_titles(titles: tuple[str, ...]) -> bool:
    """Every cell has a letter, none is there twice, and none is mostly figures."""
    return (
        len(titles) > 1
        and len(set(titles)) == len(titles)
        and all(any(letter.isalpha() for letter in title) for title in titles)
        and all(sum(letter.isdigit() for letter in title) * 2 < len(title) for title in titles)
    )


def _differs(table: Table, rows: Index, column: int, title: str) -> bool:
    """Are the cells below no such words? They have figures and few letters, or are all shorter codes."""
    cells = table.cells(rows, column)
    values = cells.chosen(~cells.empty())
    if not len(values):
        return False
    texts = values.distinct()[0]
    raw = title.encode(table.framing.form.codec, "replace")
    if raw in texts:
        return False
    symbols = classes.OF_BYTE[values.cells]
    assert values.lengths is not None, "delimited cells have lengths"
    within = np.arange(values.width) < values.lengths[:, None]
    figures = ((symbols == classes.ZERO) | (symbols == classes.DIGIT)) & within
    share = figures.sum(axis=1) / np.maximum(values.lengths, 1)
    has_small = any(letter.islower() for letter in title) and not ((symbols == classes.LOWER) & within).any()
    return bool((share >= 0.4).mean() >= 0.8 or (has_small and len(values) >= 2))
