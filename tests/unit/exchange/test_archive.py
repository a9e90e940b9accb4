"""The archive: originals by the hash of their content, found under one name or another at any moment."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import pytest

from cominflow.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival

    Claimed = Callable[[str, bytes], Arrival]

pytestmark = pytest.mark.usefixtures("database")

CONTENT = b"richiesta\r\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_an_original_is_kept_read_only_under_its_hash_and_the_month_of_its_claim(
    folders: Folders, claimed: Claimed
) -> None:
    from cominflow.exchange import archive

    arrival = claimed("a.txt", CONTENT)
    written = archive.keep(folders, arrival)
    assert (written.sha256, written.bytes_count) == (SHA256, len(CONTENT))
    place = folders.archive / "2026" / "03" / SHA256
    assert place.read_bytes() == CONTENT
    assert stat.S_IMODE(place.stat().st_mode) == 0o400


def test_the_original_is_found_before_and_after_the_spool_is_cleared(folders: Folders, claimed: Claimed) -> None:
    from cominflow.exchange import archive

    arrival = claimed("a.txt", CONTENT)
    for _ in range(2):
        arrival.sha256 = archive.keep(folders, arrival).sha256
        with archive.open_original(folders, arrival) as original:
            assert original.read() == CONTENT
        archive.clear_spool(folders, arrival)
        assert list(folders.spool.iterdir()) == []


def test_the_same_content_twice_in_a_month_is_kept_once(folders: Folders, claimed: Claimed) -> None:
    from cominflow.exchange import archive

    for name in ("a.txt", "b.txt"):
        arrival = claimed(name, CONTENT)
        arrival.sha256 = archive.keep(folders, arrival).sha256
        archive.clear_spool(folders, arrival)
    assert [path.name for path in (folders.archive / "2026" / "03").iterdir()] == [SHA256]
    assert list(folders.spool.iterdir()) == []


def test_a_damaged_archive_keeps_the_spools_file_and_says_so(folders: Folders, claimed: Claimed) -> None:
    from cominflow.exchange import archive

    arrival = claimed("a.txt", CONTENT)
    place = folders.archive / "2026" / "03" / SHA256
    place.parent.mkdir(parents=True)
    place.write_bytes(b"something else")
    with pytest.raises(WorldError, match="was changed or damaged"):
        archive.keep(folders, arrival)
    assert (folders.spool / arrival.claim_id).read_bytes() == CONTENT


def test_a_file_that_somebody_writes_is_not_hashed(folders: Folders, claimed: Claimed) -> None:
    from cominflow.exchange import archive

    arrival = claimed("a.txt", CONTENT)
    with (folders.spool / arrival.claim_id).open("ab"), pytest.raises(WorldError) as caught:
        archive.keep(folders, arrival)
    assert caught.value.retryable
    assert archive.keep(folders, arrival).sha256 == SHA256


def test_an_original_that_is_nowhere_is_named_with_the_places(folders: Folders, claimed: Claimed) -> None:
    from cominflow.exchange import archive

    arrival = claimed("a.txt", CONTENT)
    (folders.spool / arrival.claim_id).unlink()
    with pytest.raises(WorldError, match=arrival.claim_id):
        archive.open_original(folders, arrival)


def test_recovery_clears_the_spool_of_what_the_archive_has(folders: Folders, claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import archive, arrivals
    from cominflow.exchange.claim import recover

    arrival = claimed("a.txt", CONTENT)
    arrivals.begin_reading(arrival, written=archive.keep(folders, arrival), at=at, by="test")
    recover(folders, at=at)
    assert list(folders.spool.iterdir()) == []
    assert archive.locate(folders, arrival) == folders.archive / "2026" / "03" / SHA256
