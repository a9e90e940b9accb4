"""Publishing feeds: immutable versions, what is refused, and which version a file comes under."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cominflow.errors import UsageError
from tracciati.errors import LayoutError

if TYPE_CHECKING:
    from cominflow.exchange.feeds import Published
    from cominflow.models import Customer

pytestmark = pytest.mark.usefixtures("database")

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SAMPLES = Path(__file__).resolve().parents[2] / "samples"
LAYOUT = (SAMPLES / "banca-demo-visure.toml").read_text(encoding="utf-8")
PRINTED = (SAMPLES / "banca-demo-feed.toml").read_text(encoding="utf-8")
FEED = """\
layout   = "banca-demo-visure"
names    = { request = "RV_{date:%Y%m%d}_{seq:3}.txt" }
request  = { unit = "richiesta", reference = "richiesta.riferimento", service = "richiesta.servizio" }
outcomes = { fulfilled = "00", not_found = "10", pending = "70", failed = "85", invalid = "99" }
"""


@pytest.fixture
def customer() -> Customer:
    from cominflow.customers import register

    return register.add("banca-demo", "Banca Demo", at=AT)


def publish(customer: Customer, feed: str = FEED, *layouts: str, **options: object) -> Published:
    from cominflow.exchange import feeds

    texts = {f"layout-{i}.toml": text for i, text in enumerate(layouts or (LAYOUT,))}
    return feeds.publish(customer, feed, texts, at=AT, by="test", **options)  # type: ignore[arg-type]


def test_a_published_feed_takes_the_files_of_its_name(customer: Customer) -> None:
    from cominflow.exchange import feeds

    done = publish(customer)
    assert (done.is_new, done.version.number, done.version.feed.state) == (True, 1, "LIVE")
    assert feeds.current(customer, b"RV_20260301_017.txt") == done.version
    assert feeds.current(customer, b"VV_20260301_017.txt") is None
    assert feeds.names_of(customer) == ["RV_{date:%Y%m%d}_{seq:3}.txt"]
    assert feeds.load(done.version).request.unit == "richiesta"


def test_a_feed_takes_nobody_elses_files(customer: Customer) -> None:
    from cominflow.customers import register
    from cominflow.exchange import feeds

    publish(customer)
    other = register.add("istituto-demo", "Istituto Demo", at=AT)
    assert feeds.current(other, b"RV_20260301_017.txt") is None


def test_publishing_the_same_words_again_changes_nothing(customer: Customer) -> None:
    from cominflow.models import Event, FeedVersion, LayoutVersion

    first = publish(customer)
    again = publish(customer, FEED.replace("   = ", " =") + "# the same, spaced otherwise\n")
    assert not again.is_new and again.version == first.version
    assert (FeedVersion.objects.count(), LayoutVersion.objects.count(), Event.objects.count()) == (1, 1, 1)


def test_other_words_are_a_new_version_and_the_old_one_stays(customer: Customer) -> None:
    from cominflow.exchange import feeds

    first = publish(customer)
    second = publish(customer, FEED + 'accept = "5%"\n')
    assert (second.is_new, second.version.number) == (True, 2)
    assert feeds.current(customer, b"RV_20260301_017.txt") == second.version
    assert feeds.load(first.version).accept == "reject-record"


def test_other_bytes_under_a_published_layout_version_are_refused(customer: Customer) -> None:
    from cominflow.models import FeedVersion, LayoutVersion

    publish(customer)
    changed = LAYOUT.replace('codes = { VIS1 = "Visura ordinaria",', 'codes = { VIS9 = "Visura",')
    assert changed != LAYOUT
    with pytest.raises(
        UsageError, match=r"banca-demo-visure@2\.0\.0 was published on 2026-03-01(?s:.*)raise `version`"
    ):
        publish(customer, FEED, changed)
    assert (FeedVersion.objects.count(), LayoutVersion.objects.count()) == (1, 1)


def test_a_key_without_behaviour_is_refused_live_and_kept_in_a_draft(customer: Customer) -> None:
    from cominflow.exchange import feeds
    from cominflow.models import Feed

    with pytest.raises(LayoutError) as caught:
        publish(customer, PRINTED)
    assert "`calendar.cut_off` has no behaviour in this version" in str(caught.value)
    assert not Feed.objects.exists()
    draft = publish(customer, PRINTED, is_live=False)
    assert draft.version.feed.state == "DRAFT"
    assert feeds.current(customer, b"RV_20260301_017.txt") is None
    live = publish(customer)
    assert (live.version.number, live.version.feed.state) == (2, "LIVE")


def test_a_draft_cannot_take_the_place_of_a_live_feed(customer: Customer) -> None:
    publish(customer)
    with pytest.raises(UsageError, match="is LIVE: a draft would replace"):
        publish(customer, PRINTED, is_live=False)


def test_a_feed_whose_layout_does_not_fit_is_not_published(customer: Customer) -> None:
    from cominflow.models import Feed, LayoutVersion

    with pytest.raises(LayoutError):
        publish(customer, FEED.replace("richiesta.riferimento", "richiesta.rif"))
    assert not Feed.objects.exists() and not LayoutVersion.objects.exists()


def test_two_live_feeds_of_one_customer_cannot_take_the_same_name(customer: Customer) -> None:
    from cominflow.models import Feed

    publish(customer)
    with pytest.raises(UsageError, match="both take a request file called 'RV_00000000_000.txt'"):
        publish(customer, FEED.replace("RV_{date:%Y%m%d}_{seq:3}", "RV_{any}"), name="second")
    assert list(Feed.objects.values_list("name", flat=True)) == ["banca-demo-visure"]
    other = publish(customer, FEED.replace("RV_", "VV_"), name="second")
    assert other.version.feed.state == "LIVE"


def test_the_files_own_date_chooses_the_layout_version(customer: Customer) -> None:
    from cominflow.exchange import feeds

    older = LAYOUT.replace('"2.0.0"', '"1.4.0"').replace("valid_from = 2026-01-01", "valid_from = 2024-01-01")
    version = publish(customer, FEED, LAYOUT, older).version
    assert [row.version for row, _ in feeds.layouts(version)] == ["2.0.0", "1.4.0"]
    chosen = [feeds.layout_for(version, day) for day in (date(2023, 12, 31), date(2025, 12, 31), date(2026, 1, 1))]
    assert [row.version if row else None for row in chosen] == [None, "1.4.0", "2.0.0"]


def test_a_published_layout_reads_as_it_did(customer: Customer) -> None:
    from cominflow.exchange import feeds

    ((row, layout),) = feeds.layouts(publish(customer).version)
    assert layout.fingerprint == row.fingerprint
    assert feeds.layout(row) is layout, "parsed once in a process"


def test_publishing_says_which_directions_go_as_text(customer: Customer) -> None:
    note, *_ = publish(customer).notes
    assert note.endswith("declares no structure for receipt, rejection: sent as text and JSON")


def test_a_version_is_kept_with_who_published_it_and_when(customer: Customer) -> None:
    from cominflow.exchange import feeds
    from cominflow.models import Event

    publish(customer)
    (row,) = feeds.listed(customer)
    assert (row["feed"], row["version"], row["published_by"], row["published_at"]) == (
        "banca-demo-visure",
        1,
        "test",
        AT,
    )
    assert row["layouts"] == ["banca-demo-visure@2.0.0"]
    event = Event.objects.get()
    assert (event.subject, event.what, event.by) == ("feed banca-demo/banca-demo-visure", "published", "test")
