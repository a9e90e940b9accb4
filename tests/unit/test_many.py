"""Many: rows written by one statement are those that objects would have been saved as."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

pytestmark = pytest.mark.usefixtures("database")

AT = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)


def test_what_is_not_named_has_the_default_of_its_field() -> None:
    from cominflow.models import Arrival, Customer, many

    customer = Customer.objects.create(code="banca-demo", name="Banca Demo", created_at=AT)
    names = ("customer_id", "claim_id", "name", "state", "dev", "ino", "bytes_count", "claimed_at", "reference_date")
    rows = [(customer.pk, key, name, "CLAIMING", 1, 2, 3, AT, day) for key, name, day in _NAMED]
    many.insert(Arrival, names, rows)
    with_objects = [
        Arrival(
            customer=customer, claim_id=key + "0", name=name, state="CLAIMING", dev=1, ino=2, bytes_count=3,
            claimed_at=AT, reference_date=day,
        )
        for key, name, day in _NAMED
    ]  # fmt: skip
    Arrival.objects.bulk_create(with_objects)
    stored = list(Arrival.objects.order_by("pk").values())
    assert len(stored) == 4
    for row in stored:
        del row["id"]
        row["claim_id"], row["name"] = row["claim_id"][0], bytes(row["name"])
    assert stored[:2] == stored[2:]


_NAMED = [("a", b"\xff.txt", date(2026, 3, 1)), ("b", b"b.txt", None)]


def test_an_update_says_how_many_rows_it_found() -> None:
    from cominflow.models import Event, many

    many.insert(Event, ("at", "by", "subject", "what"), [(AT, "test", f"A-{n}", "seen") for n in range(3)])
    keys = ("subject", "what")
    assert many.update(Event, ("reason", "at"), [("x", AT, "A-0", "seen"), ("y", AT, "A-1", "gone")], keys=keys) == 1
    assert list(Event.objects.order_by("pk").values_list("reason", flat=True)) == ["x", "", ""]
    assert many.update(Event, ("reason",), [], keys=keys) == 0
