"""Customers and their keys: codes that can be folders, keys that open one customer's folders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cominflow.errors import UsageError

pytestmark = pytest.mark.usefixtures("database")

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = {"kind": "ssh-ed25519", "body": "AAAA", "fingerprint": "SHA256:abcdef", "comment": "demo"}
OTHER_KEY = {**KEY, "body": "BBBB", "fingerprint": "SHA256:abcxyz"}


def test_a_customer_is_found_by_its_code() -> None:
    from cominflow.customers import register

    added = register.add("banca-demo", " Banca Demo ", at=AT, vat_number="01234567897")
    assert register.find("banca-demo") == added
    assert (added.name, added.state, added.created_at) == ("Banca Demo", "ENABLED", AT)
    assert register.everyone() == [added]


def test_an_unknown_code_names_the_nearest_one() -> None:
    from cominflow.customers import register

    register.add("banca-demo", "Banca Demo", at=AT)
    with pytest.raises(UsageError, match="did you mean banca-demo"):
        register.find("banca-dmo")


@pytest.mark.parametrize(
    "code", ["", "Banca", "../banca", "banca demo", "-banca", "b" * 33, "banca/demo", "banc\u00e0", "a\n"]
)
def test_a_code_that_could_not_be_a_folder_is_refused(code: str) -> None:
    from cominflow.customers import register

    with pytest.raises(UsageError, match="cannot be a customer code"):
        register.add(code, "Banca Demo", at=AT)


@pytest.mark.parametrize(
    "text", ["new\nline", "esc\x1b[2J", "bel\x07", "bidi\u202eedib", "zero\u200bwidth", "no utf\udc80", "line\u2028end"]
)
def test_a_text_with_a_part_that_is_not_seen_is_refused(text: str) -> None:
    from cominflow.customers import register
    from cominflow.fulfilment import pauses
    from cominflow.pricing import services

    with pytest.raises(UsageError, match="the name of customer banca-demo has a character that is not seen"):
        register.add("banca-demo", text, at=AT)
    with pytest.raises(UsageError, match="the title of service VIS1 has a character that is not seen"):
        services.add("VIS1", text, provider="manual", provider_settings={}, by="me", at=AT)
    with pytest.raises(UsageError, match="the reason has a character that is not seen"):
        pauses.pause("manual", by="me", reason=text, at=AT)
    assert register.add("banca-demo", "Società d’Ärzte 東京", at=AT).name == "Società d’Ärzte 東京"


def test_a_code_is_given_once() -> None:
    from cominflow.customers import register

    register.add("banca-demo", "Banca Demo", at=AT)
    with pytest.raises(UsageError, match="there is a customer banca-demo already"):
        register.add("banca-demo", "Another", at=AT)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"vat_number": "01234567890"}, "'01234567890' is not a VAT number: expected the check digit 7"),
        ({"vat_number": "IT01234567897"}, "is not a VAT number"),
        ({"vat_number": "0123456789"}, "is not a VAT number: expected 11 digits"),
        ({"vat_number": "00000000000"}, "is not a VAT number"),
        ({"vat_number": "           "}, "is not a VAT number"),
        ({"fiscal_code": "RSSMRA85T10H501A"}, "is not a codice fiscale: expected the check character O"),
        ({"fiscal_code": "rssmra85t10h501o"}, "is not a codice fiscale"),
        ({"fiscal_code": "01234567890"}, "is not a codice fiscale: expected the check digit 7"),
        ({"fiscal_code": "01234567897 "}, "is not a codice fiscale"),
    ],
)
def test_a_tax_number_that_cannot_be_one_is_refused_with_what_was_expected(numbers: dict[str, str], told: str) -> None:
    from cominflow.customers import register
    from cominflow.models import Customer

    with pytest.raises(UsageError, match=told):
        register.add("banca-demo", "Banca Demo", at=AT, **numbers)
    assert not Customer.objects.exists()
    register.add("banca-demo", "Banca Demo", at=AT, vat_number="01234567897", fiscal_code="RSSMRA85T10H501O")
    with pytest.raises(UsageError, match=told):
        register.change("banca-demo", **numbers, by="test", at=LATER)
    assert Customer.objects.get().vat_number == "01234567897"


def test_a_customer_is_corrected_and_the_event_says_what_was_there_before() -> None:
    from cominflow.customers import register
    from cominflow.models import Event

    register.add("banca-demo", "Banca Dmeo", at=AT, vat_number="01234567897")
    register.change("banca-demo", name="Banca Demo", fiscal_code="01234567897", by="test", at=LATER)
    register.change("banca-demo", name="Banca Demo", by="test", at=LATER)  # nothing new is no event
    changed = register.change("banca-demo", vat_number="", by="test", at=LATER)
    assert (changed.name, changed.vat_number, changed.fiscal_code) == ("Banca Demo", "", "01234567897")
    said = list(Event.objects.order_by("pk").values_list("subject", "what", "reason", "by"))
    assert said == [
        ("customer banca-demo", "changed", "name Banca Dmeo -> Banca Demo; fiscal_code none -> 01234567897", "test"),
        ("customer banca-demo", "changed", "vat_number 01234567897 -> none", "test"),
    ]


def test_a_key_opens_the_folders_of_one_customer() -> None:
    from cominflow.customers import keys, register

    bank = register.add("banca-demo", "Banca Demo", at=AT)
    other = register.add("istituto-demo", "Istituto Demo", at=AT)
    keys.add(bank, **KEY, by="test", at=AT)
    assert keys.customer_of("SHA256:abcdef") == "banca-demo"
    assert keys.customer_of("SHA256:unknown") is None
    with pytest.raises(UsageError, match="belongs to banca-demo already"):
        keys.add(other, **KEY, by="test", at=AT)


def test_a_withdrawn_key_opens_nothing_and_stays_on_record() -> None:
    from cominflow.customers import keys, register
    from cominflow.models import Event

    bank = register.add("banca-demo", "Banca Demo", at=AT)
    keys.add(bank, **KEY, by="test", at=AT)
    keys.withdraw(bank, "abcdef", by="test", at=LATER)
    assert keys.customer_of("SHA256:abcdef") is None
    assert [key.withdrawn_at for key in keys.keys_of(bank)] == [LATER]
    assert list(Event.objects.order_by("pk").values_list("what", flat=True)) == ["key added", "key withdrawn"]
    keys.add(bank, **KEY, by="test", at=LATER)  # it may come back
    assert keys.customer_of("SHA256:abcdef") == "banca-demo"


def test_a_fingerprint_that_means_two_keys_withdraws_none() -> None:
    from cominflow.customers import keys, register

    bank = register.add("banca-demo", "Banca Demo", at=AT)
    keys.add(bank, **KEY, by="test", at=AT)
    keys.add(bank, **OTHER_KEY, by="test", at=AT)
    for text in ("SHA256:abc", "", "SHA256:", "nothing"):
        with pytest.raises(UsageError, match="active key"):
            keys.withdraw(bank, text, by="test", at=LATER)
    assert keys.customer_of("SHA256:abcdef") == keys.customer_of("SHA256:abcxyz") == "banca-demo"


def test_a_suspended_customer_is_not_let_in() -> None:
    from cominflow.customers import keys, register

    bank = register.add("banca-demo", "Banca Demo", at=AT, state="SUSPENDED")
    keys.add(bank, **KEY, by="test", at=AT)
    assert keys.customer_of("SHA256:abcdef") is None
