"""A client's path: text in, one of our folders and a name out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cominflow.exchange.sftp import place
from cominflow.exchange.sftp.packets import Code, RefusedError
from cominflow.exchange.sftp.place import Place


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"", Place("", b"")),
        (b".", Place("", b"")),
        (b"/", Place("", b"")),
        (b"/inbox", Place("inbox", b"")),
        (b"inbox/", Place("inbox", b"")),
        (b"/inbox//./a", Place("inbox", b"a")),
        (b"/inbox/../outbox/a", Place("outbox", b"a")),
        (b"../../../receipts/\xff", Place("receipts", b"\xff")),
    ],
)
def test_a_path_leads_to_a_place(path: bytes, found: Place) -> None:
    assert place.find(path) == found


@pytest.mark.parametrize("path", [b"/etc", b"/inbox/a/b", b"/INBOX", b"/staging/x", b"inbox\\a"])
def test_a_path_that_is_none_of_ours_says_which_there_are(path: bytes) -> None:
    with pytest.raises(RefusedError, match="there are /inbox, /outbox and /receipts") as caught:
        place.find(path)
    assert caught.value.code == Code.NO_SUCH_FILE


@given(st.lists(st.sampled_from([b"..", b".", b"", b"inbox", b"outbox", b"etc", b"a", b"\0", b"\xff"]), max_size=8))
def test_whatever_the_path_the_name_is_one_part_and_no_way_up(parts: list[bytes]) -> None:
    try:
        found = place.find(b"/".join(parts))
    except RefusedError:
        return
    assert b"/" not in found.name and b"\0" not in found.name and found.name not in (b".", b"..")
    assert found.folder in ("", "inbox", "outbox", "receipts") and (found.folder or not found.name)
