"""Http: a real server on loopback is asked; what it does wrong is told apart, and no question becomes two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from cominflow import clock, stopping
from cominflow.errors import WorldError
from cominflow.fulfilment import outcomes as outcomes_of
from cominflow.fulfilment import provider
from cominflow.fulfilment.http import HttpProvider, bodies
from cominflow.fulfilment.http import settings as settings_of
from cominflow.fulfilment.outcomes import Unusable
from cominflow.fulfilment.rate import Rate
from tests.partner import CUT, Partner, serving

GOOD = {"url": "https://scores.example/v1", "request": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}


@pytest.fixture
def partner() -> Iterator[Partner]:
    with serving(Partner(scores={f"CF{n}": n for n in range(100)})) as served:
        yield served


NAME = "0f" * 16


def requests(count: int, *, name: str = NAME) -> pd.DataFrame:
    """Requests about CF0, CF1 …"""
    codes = pd.arrays.ArrowExtensionArray(pa.array([f"CF{n}" for n in range(count)]))
    return pd.DataFrame({"codice_fiscale": codes}, index=provider.keys("A-17", list(range(count)), name))


def ask(partner: Partner, count: int, **settings: Any) -> outcomes_of.Said:
    """The checked answer to so many requests, as the engine would get it."""
    return provider.ask("http", partner.settings(**settings), requests(count), service="VIS1")


def waits_of(partner: Partner, count: int, **settings: Any) -> tuple[list[float], Exception | None]:
    """How long the provider would have waited between its calls, where chance always says 1; and its end."""
    waited: list[float] = []
    asking = HttpProvider(wait=waited.append, tick=lambda: 0.0, chance=lambda: 1.0)
    end = None
    try:
        asking.fulfil(requests(count), partner.settings(**settings))
    except WorldError as problem:
        end = problem
    return [seconds for seconds in waited if seconds], end


def poison(*codes: str, status: int = 500) -> Any:
    """A judge that fails every call with one of these people in it."""
    return lambda asked: status if any(row["cf"] in codes for row in asked.rows) else None


def test_each_request_is_a_call_with_its_own_key_and_only_its_declared_columns(partner: Partner) -> None:
    answer = ask(partner, 3)
    assert answer.outcomes.tolist() == ["fulfilled"] * 3
    assert answer.results["punteggio"].to_pylist() == [0, 1, 2]
    assert [asked.body for asked in partner.asked] == [{"cf": "CF0"}, {"cf": "CF1"}, {"cf": "CF2"}]
    assert [asked.key.rpartition("-")[0] for asked in partner.asked] == ["A-17/1", "A-17/2", "A-17/3"]
    assert {asked.headers["Content-Type"] for asked in partner.asked} == {"application/json"}


def test_many_requests_go_in_lists_and_are_matched_by_key_in_any_order(partner: Partner) -> None:
    partner.change = lambda rows: rows[::-1]
    answer = ask(partner, 5, batch=2)
    assert answer.results["punteggio"].to_pylist() == [0, 1, 2, 3, 4]
    assert [[row["id"] for row in asked.rows] for asked in partner.asked] == [
        [f"A-17/1.{NAME}", f"A-17/2.{NAME}"],
        [f"A-17/3.{NAME}", f"A-17/4.{NAME}"],
        [f"A-17/5.{NAME}"],
    ]


def test_the_same_question_has_the_same_key_and_another_question_another(partner: Partner) -> None:
    def keys(frame: pd.DataFrame, **settings: Any) -> list[str]:
        partner.asked.clear()
        provider.ask("http", partner.settings(**settings), frame, service="VIS1")
        return [asked.key for asked in partner.asked]

    once = keys(requests(4), batch=2)
    assert keys(requests(4), batch=2, result={"punteggio": "score"}, wait_s=3) == once, "what is taken is no question"
    assert len(set(once)) == 2
    assert not set(once) & set(keys(requests(4, name="1e" * 16), batch=2)), "another arrival that has the same number"
    assert not set(once) & set(keys(requests(4).assign(x="y"), batch=2, request={"codice_fiscale": "cf", "x": "y"}))
    assert not any("CF" in key for key in once)


def test_a_call_that_fails_is_repeated_under_the_same_key_with_growing_waits(partner: Partner) -> None:
    partner.judge = lambda asked: 503
    waited, end = waits_of(partner, 1, retries=3)
    assert waited[:3] == [0.5, 1.0, 2.0]
    assert "503 (Service Unavailable)" in str(end) and "secret" not in str(end)
    assert len({asked.key for asked in partner.asked}) == 1 and len(partner.asked) >= 4


def test_a_repeat_that_is_answered_is_an_answer(partner: Partner) -> None:
    said = iter([500, 429, 409])
    partner.judge = lambda asked: next(said, None)
    waited, end = waits_of(partner, 1, retries=3)
    assert (len(partner.asked), end) == (4, None)


def test_the_patience_that_a_server_asks_for_is_kept_up_to_a_minute(partner: Partner) -> None:
    said = iter([429])
    partner.judge, partner.reply_headers = (lambda asked: next(said, None)), {"Retry-After": "7"}
    assert waits_of(partner, 1, retries=1) == ([7.0], None)
    partner.judge, partner.reply_headers = (lambda asked: 429), {"Retry-After": "3600"}
    waited, end = waits_of(partner, 1, retries=3)
    assert waited == [] and "wants to be left alone for 3600 s" in str(end)
    assert isinstance(end, WorldError) and end.retryable
    soon = clock.now() + timedelta(seconds=3000)
    partner.reply_headers = {"Retry-After": format_datetime(soon, usegmt=True)}
    assert "wants to be left alone for" in str(waits_of(partner, 1)[1])


def test_too_many_requests_never_blames_a_request(partner: Partner) -> None:
    partner.judge = poison("CF3", status=429)
    with pytest.raises(WorldError, match="429"):
        ask(partner, 8, batch=8)


@pytest.mark.parametrize("status", [400, 413, 422, 500, 503])
@pytest.mark.parametrize("place", [0, 5, 9])
def test_a_list_that_fails_is_bisected_until_the_poison_request_is_alone(
    partner: Partner, status: int, place: int
) -> None:
    partner.judge = poison(f"CF{place}", status=status)
    answer = ask(partner, 10, batch=10)
    outcomes = ["fulfilled"] * 10
    outcomes[place] = "pending"
    assert answer.outcomes.tolist() == outcomes
    assert answer.results["punteggio"].to_pylist() == [None if n == place else n for n in range(10)]
    assert (
        list(answer.notes) == [f"A-17/{place + 1}.{NAME}"] and str(status) in answer.notes[f"A-17/{place + 1}.{NAME}"]
    )


def test_a_request_that_breaks_the_connection_is_poison_too(partner: Partner) -> None:
    partner.judge = poison("CF2", status=CUT)
    answer = ask(partner, 4, batch=4)
    assert answer.outcomes.tolist() == ["fulfilled", "fulfilled", "pending", "fulfilled"]
    assert answer.notes == {f"A-17/3.{NAME}": "the connection broke off"}


def test_several_poison_requests_are_found_in_one_list(partner: Partner) -> None:
    partner.judge = poison("CF0", "CF1", "CF2", "CF3", "CF7")
    outcomes = ask(partner, 16, batch=16).outcomes.tolist()
    assert [n for n, word in enumerate(outcomes) if word == "pending"] == [0, 1, 2, 3, 7]


@pytest.mark.parametrize("batch", [1, 10])
def test_a_service_that_is_down_blames_nobody(partner: Partner, batch: int) -> None:
    partner.judge = lambda asked: 500
    with pytest.raises(WorldError, match="provider http for service VIS1.*500") as caught:
        ask(partner, 50, batch=batch)
    assert caught.value.retryable and len(partner.asked) < 25, "it is not asked for every single request"


@pytest.mark.parametrize("batch", [1, 5])
def test_a_service_that_dies_in_the_middle_blames_nobody(partner: Partner, batch: int) -> None:
    partner.judge = lambda asked: 500 if len(partner.asked) > 4 else None
    with pytest.raises(WorldError, match="500"):
        ask(partner, 40, batch=batch)


def test_the_last_request_is_blamed_only_when_the_service_still_answers(partner: Partner) -> None:
    partner.judge = poison("CF4")
    assert ask(partner, 5).outcomes.tolist() == ["fulfilled"] * 4 + ["pending"]
    assert partner.asked[-1].key == partner.asked[-3].key, "asked once more under a key that it knows"


def test_a_single_request_that_is_refused_goes_to_a_person_and_all_of_many_do_not(partner: Partner) -> None:
    partner.judge = lambda asked: 422
    assert ask(partner, 1).outcomes.tolist() == ["pending"]
    with pytest.raises(WorldError, match="422.* to every one of 3 requests") as caught:
        ask(partner, 3)
    assert "--provider manual" in caught.value.hint
    partner.asked.clear()
    with pytest.raises(WorldError, match="422.* to every one of 20 requests"):
        ask(partner, 90, batch=90)
    assert len(partner.asked) < 60, "it is not asked for every single request"


def test_many_refused_requests_in_front_of_a_good_one_are_set_aside(partner: Partner) -> None:
    partner.judge = poison(*(f"CF{n}" for n in range(30)), status=422)
    assert ask(partner, 40).outcomes.tolist() == ["pending"] * 30 + ["fulfilled"] * 10


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 501, 204])
def test_what_only_the_settings_can_mend_is_neither_repeated_nor_bisected(partner: Partner, status: int) -> None:
    partner.judge = lambda asked: status
    with pytest.raises(WorldError, match=f"it said {status}.*\n  do: correct 'url' and 'headers'"):
        ask(partner, 8, batch=8, retries=3)
    assert len(partner.asked) == 1


def test_a_status_may_mean_not_found_where_the_settings_say_so(partner: Partner) -> None:
    partner.judge = poison("CF1", status=404)
    assert ask(partner, 3, not_found=[404]).outcomes.tolist() == ["fulfilled", "not_found", "fulfilled"]


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_server_that_drips_for_ever_is_given_up_when_the_time_is_up(partner: Partner, where: str) -> None:
    partner.drips = where
    with pytest.raises(WorldError, match=r"no whole answer within 0\.2 s"):
        ask(partner, 1, wait_s=0.2)


def test_a_server_that_is_not_there_is_named_without_what_was_sent() -> None:
    with serving(Partner()) as gone:
        pass
    with pytest.raises(WorldError, match="no connection: Connection refused") as caught:
        ask(gone, 2)
    assert gone.url in str(caught.value) and "CF0" not in str(caught.value)


def test_waiting_for_a_provider_ends_when_the_engine_stops(partner: Partner) -> None:
    partner.drips = "body"
    stopping.ask()
    try:
        with pytest.raises(stopping.StoppedError):
            ask(partner, 1, wait_s=60)
    finally:
        stopping.forget()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"<html>CF0</html>", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "rows A-17/1, A-17/2: asked, but not answered"),
        (b"{}", "an object, not a JSON list"),
        (b"[1,2]", "not a JSON list of objects"),
        (b'[{"id":"A-17/1"},{"id":"A-17/1"}]', "row A-17/1: it has no 'status'|answered more than once"),
        (b'[{"id":"A-17/1","status":"OK","score":1},{"id":"CF0","status":"OK","score":1}]', "was not sent"),
        (b'[{"id":"A-17/1","status":"CF0","score":1},{"id":"A-17/2","status":"KO"}]', "none of the 'codes'"),
        (b'[{"id":"A-17/1","status":"OK"},{"id":"A-17/2","status":"KO"}]', "it has no 'score'"),
        (b'[{"id":"A-17/1","id":"A-17/2"}]', "one name twice"),
        (b'[{"id":"A-17/1","status":"OK","score":NaN},{"id":"A-17/2","status":"KO"}]', "NaN"),
        (b'[{"id":"A-17/1","status":"OK","score":"CF0"},{"id":"A-17/2","status":"OK","score":2}]', "mixes kinds"),
        (b'[{"id":"A-17/1","status":"OK","score":[1]},{"id":"A-17/2","status":"KO"}]', "punteggio is list"),
        (b'[{"id":"A-17/1","status":"OK","score":1e400},{"id":"A-17/2","status":"KO"}]', "punteggio"),
        (b'[{"id":"A-17/1","status":"OK","score":99999999999999999999},{"id":"A-17/2","status":"KO"}]', "above 92"),
        (b'[{"id":"A-17/1","status":"OK","score":"\\ud800"},{"id":"A-17/2","status":"KO"}]', "half a character"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_without_quoting_it(partner: Partner, raw: bytes, words: str) -> None:
    partner.raw = re.sub(rb"(A-17/\d)", rb"\1." + NAME.encode(), raw)
    with pytest.raises(WorldError, match=words) as caught:
        ask(partner, 2, batch=2)
    assert "use the answer of provider http for service VIS1" in str(caught.value)
    assert "CF0" not in str(caught.value) and caught.value.retryable


def test_an_answer_without_end_is_not_read_to_its_end(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow.fulfilment.http import line

    monkeypatch.setattr(line, "HTTP_ANSWER_BYTES_MAX", 10)
    with pytest.raises(WorldError, match="larger than 10 bytes"):
        ask(partner, 1)


def test_results_may_lie_deeper_in_an_answer_and_keep_every_digit(partner: Partner) -> None:
    partner.raw = b'{"said":{"status":"OK","data":{"score":"007"}},"amount":12345678901234567.10}'
    answer = ask(
        partner, 1,
        result={"punteggio": "said.data.score", "esposizione": "amount"},
        outcome={"from": "said.status", "codes": {"OK": "fulfilled"}},
    )  # fmt: skip
    assert answer.results["punteggio"].to_pylist() == ["007"]
    assert answer.results["esposizione"].to_pylist() == [Decimal("12345678901234567.10")]


def test_a_request_goes_out_as_text_number_or_null_and_exactly() -> None:
    endpoint = settings_of.endpoint({**GOOD, "batch": 2})
    body = bodies.written(["A-1/1"], [{"importo": "12.50", "numero": 7, "data": None, "nome": "è"}], endpoint)
    assert body == '[{"id":"A-1/1","importo":"12.50","numero":7,"data":null,"nome":"è"}]'.encode()
    with pytest.raises(Unusable, match="another 'key'"):
        bodies.read(b'{"key":"A-1/2"}', ["A-1/1"], settings_of.endpoint({**GOOD, "id": "key"}))


def test_secrets_come_from_the_environment_or_a_file_and_are_never_shown(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("from-the-file\n")
    headers = {
        "Authorization": {"env": "TEST_SCORES_TOKEN", "prefix": "Bearer "},
        "X-Api-Key": {"file": str(token)},
        "X-Client": "cominflow",
    }
    with pytest.raises(WorldError, match="the environment has no TEST_SCORES_TOKEN"):
        ask(partner, 1, headers=headers)
    monkeypatch.setenv("TEST_SCORES_TOKEN", "from-the-environment")
    ask(partner, 1, headers=headers)
    sent = partner.asked[-1].headers
    assert sent["Authorization"] == "Bearer from-the-environment"
    assert (sent["X-Api-Key"], sent["X-Client"]) == ("from-the-file", "cominflow")
    token.unlink()
    with pytest.raises(WorldError, match="X-Api-Key in .*No such file"):
        ask(partner, 1, headers=headers)
    token.write_text("two\nlines")
    with pytest.raises(WorldError, match="not one line of ASCII") as caught:
        ask(partner, 1, headers=headers)
    assert "two" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://scores.example/"}, "must begin with https"),
        ({"url": "https://user:word@scores.example/"}, "must not hold a password"),
        ({"url": "ftp://scores.example/"}, "must be the service's address"),
        ({"url": "https://[::1"}, "must be the service's address"),
        ({"headers": {"Authorization": "Bearer abc"}}, "is a secret: say where it is"),
        ({"headers": {"X-Api-Key": "abc"}}, "is a secret"),
        ({"headers": {"X": {"env": "A", "file": "b"}}}, "either 'env' or 'file'"),
        ({"headers": {"X": "a\r\nY: b"}}, "one line of ASCII"),
        ({"headers": {"X Y": "a"}}, "cannot be the name of a header"),
        ({"headers": {"host": "a"}}, "is written by cominflow itself"),
        ({"headers": {"Idempotency-Key": {"env": "A"}}}, "is written by cominflow itself"),
        ({"batch": 0}, "'batch' must be a whole number from 1 to 1000"),
        ({"batch": True}, "'batch'"),
        ({"wait_s": float("nan")}, "'wait_s'"),
        ({"per_second": 0}, "'per_second'"),
        ({"retries": 99}, "'retries'"),
        ({"not_found": [500]}, "'not_found'"),
        ({"not_found": [404], "batch": 2}, "'not_found' is about one request"),
        ({"request": {}}, "'request' must map"),
        ({"request": {"a": "id"}}, "give it another name"),
        ({"request": {"a": "x", "b": "x"}}, "one name of the partner's twice"),
        ({"result": {"punteggio": 1}}, "'result' must map"),
        ({"outcome": "status"}, "'outcome' must say"),
        ({"outcome": {"from": "s", "codes": {"OK": "maybe"}}}, "'codes' of 'outcome' must map"),
        ({"verify": False}, "'verify' is not a setting"),
    ],
)
def test_settings_that_cannot_work_or_would_give_a_secret_away_are_refused(change: Any, words: str) -> None:
    (problem,) = provider.check("http", {**GOOD, **change})
    assert words in problem


def test_settings_that_can_work_are_let_through() -> None:
    assert provider.check("http", GOOD) == []
    assert provider.check("http", {**GOOD, "url": "http://127.0.0.1:8000/score?v=1", "not_found": [404]}) == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that no authority has signed."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_a_certificate_that_nobody_signed_is_refused_and_one_that_is_named_is_taken(certificate: Path) -> None:
    with serving(Partner(scores={"CF0": 5}), certificate=certificate) as partner:
        with pytest.raises(WorldError, match="its certificate is not valid: self.signed certificate") as caught:
            ask(partner, 1)
        assert "never off" in caught.value.hint or "always verified" in caught.value.hint
        assert partner.asked == [], "nothing was sent"
        assert ask(partner, 1, ca_file=str(certificate)).results["punteggio"].to_pylist() == [5]
        with pytest.raises(WorldError, match="cannot read /nowhere"):
            ask(partner, 1, ca_file="/nowhere")


def test_a_rate_spaces_calls_and_lets_a_burst_through_after_a_rest() -> None:
    rate = Rate(per_second=4, burst=2)
    assert [rate.reserve(100.0) for _ in range(4)] == [0.0, 0.0, 0.25, 0.5]
    assert [rate.reserve(200.0) for _ in range(3)] == [0.0, 0.0, 0.25]


def test_calls_to_one_address_are_spaced_whoever_makes_them(partner: Partner) -> None:
    settings = {"per_second": 2, "burst": 1}
    waited, _ = waits_of(partner, 3, **settings)
    assert waited == [0.5, 1.0]
    waited, _ = waits_of(partner, 1, **settings)
    assert waited == [1.5], "another portion, at the same instant"
