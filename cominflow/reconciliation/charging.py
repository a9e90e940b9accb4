"""Charging: is every fulfilled answer that went out charged exactly once, at the price that held, to the cent?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cominflow.reconciliation.amounts import cents_of
from cominflow.reconciliation.block import Block
from cominflow.reconciliation.report import Finding
from cominflow.reconciliation.requesting import Asked

_KEYS = ["arrival_id", "chunk_ordinal", "delivery_number", "service_id"]


def check(block: Block, asked: Asked) -> Iterator[Finding]:
    """R-401 to R-404."""
    yield from _quantities(block, asked)
    yield from _prices(block)
    yield from _amounts(block)


def _quantities(block: Block, asked: Asked) -> Iterator[Finding]:
    due = asked.to_charge().groupby(_KEYS)["count"].sum()
    charged = block.charges.groupby(_KEYS)["quantity"].sum()
    both = pd.DataFrame({"due": due, "charged": charged}).fillna(0).astype("int64")
    # What cannot be counted any more is not complained about: purged, or unreadable and told.
    is_counted = [ordinal < 0 or key not in asked.unreadable for key, ordinal, *_ in both.index]
    both = both[np.array(is_counted, dtype=bool)]
    for (key, ordinal, delivery, service), row in both[both["due"] != both["charged"]].iterrows():
        code = "R-401" if row["charged"] < row["due"] else "R-402"
        where = _where(key, ordinal, delivery, block.services.get(service, "an unknown service"))
        yield Finding(code, where, f"{row['due']} charged", f"{row['charged']}", int(key))


def _prices(block: Block) -> Iterator[Finding]:
    """The newest price that had begun when the file was accepted, by our own look at the list."""
    known = {
        key: rows.reset_index(drop=True)
        for key, rows in block.prices.groupby(["customer_id", "service_id"], sort=False)
    }
    used = block.charges.drop_duplicates(["arrival_id", "service_id", "price_id"])
    for row in used.itertuples():
        arrival = block.by_key[row.arrival_id]
        prices = known.get((arrival.customer_id, row.service_id))
        begun = None if prices is None else prices[prices["valid_from"] <= pd.Timestamp(arrival.accepted_at)]
        due = None if begun is None or begun.empty else int(begun["pk"].iloc[-1])
        if due != row.price_id:
            where = f"{arrival.reference} {block.services[row.service_id]}"
            expected = "no price" if due is None else f"price {due}"
            yield Finding("R-404", where, expected, f"price {row.price_id}", arrival.pk)


def _amounts(block: Block) -> Iterator[Finding]:
    """Parts of a line take what the rounded total gains by them, in the order of the chunks."""
    for (key, delivery, service), parts in block.charges.groupby(["arrival_id", "delivery_number", "service_id"]):
        before = 0
        for row in parts.itertuples():
            after = before + row.quantity
            due = cents_of(row.price__unit_price_e8, after) - cents_of(row.price__unit_price_e8, before)
            before = after
            if row.amount_cents != due:
                where = _where(key, row.chunk_ordinal, delivery, block.services[service])
                yield Finding("R-403", where, f"{due} cents", f"{row.amount_cents} cents", int(key))


def _where(key: int, ordinal: int, delivery: int, service: str) -> str:
    chunk = f" chunk {ordinal}" if ordinal >= 0 else ""
    return f"A-{key}{chunk} answer {delivery}, {service}"
