"""What the tests of files need: a data folder, a customer with folders, an instant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival, Customer

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def at() -> datetime:
    """An instant: 1 March 2026, nine in the morning in Italy."""
    return AT


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """An empty data folder with the folders of banca-demo."""
    from cominflow.exchange.disk import Folders

    made = Folders(tmp_path / "data")
    made.ensure(["banca-demo"])
    return made


@pytest.fixture
def customer(database: str) -> Customer:
    """The customer banca-demo."""
    from cominflow.models import Customer

    return Customer.objects.create(code="banca-demo", name="Banca Demo", created_at=AT)


@pytest.fixture
def inbox(folders: Folders) -> Path:
    """The inbox of banca-demo."""
    return folders.customer("banca-demo").inbox


@pytest.fixture
def claimed(folders: Folders, customer: Customer, inbox: Path) -> Callable[[str, bytes], Arrival]:
    """`claimed("a.txt", b"content")`: an arrival that was just claimed."""

    def arrive(name: str, content: bytes) -> Arrival:
        from cominflow.exchange.claim import claim
        from cominflow.models import Arrival

        (inbox / name).write_bytes(content)
        (pk,) = claim(folders, customer, at=AT)
        return Arrival.objects.get(pk=pk)

    return arrive
