"""Expressions: what the grammar reads, what it refuses and where, and that text and value are two ways to say one."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracciati.expression import (
    FUNCTIONS,
    RESERVED,
    Aggregate,
    And,
    Combined,
    Compare,
    Count,
    Expression,
    ExpressionError,
    IsNull,
    Literal,
    Name,
    Not,
    Or,
    names,
    parse,
    text_of,
)


def test_comparisons_and_their_values():
    assert parse("importo_max > 0") == Compare(">", Name(None, "importo_max"), Literal(Decimal("0")))
    assert parse("servizio != 'VIS2'") == Compare("!=", Name(None, "servizio"), Literal("VIS2"))
    assert parse("data <= 2026-01-31") == Compare("<=", Name(None, "data"), Literal(date(2026, 1, 31)))
    assert parse("-12.50<importo") == Compare("<", Literal(Decimal("-12.50")), Name(None, "importo"))
    assert parse("data >= IM.data_creazione") == Compare(">=", Name(None, "data"), Name("IM", "data_creazione"))


def test_a_quote_in_a_text_is_written_twice():
    assert parse("nome = 'D''AMICO'") == Compare("=", Name(None, "nome"), Literal("D'AMICO"))


def test_record_names_may_begin_with_a_digit_and_numbers_stay_numbers():
    assert parse("14.importo = 14.50") == Compare("=", Name("14", "importo"), Literal(Decimal("14.50")))


def test_not_binds_tighter_than_and_and_tighter_than_or():
    a, b, c = (Compare("=", Name(None, name), Literal(Decimal(1))) for name in "abc")
    assert parse("a = 1 or not b = 1 and c = 1") == Or((a, And((Not(b), c))))
    assert parse("(a = 1 or b = 1) and c = 1") == And((Or((a, b)), c))


def test_asking_whether_there_is_a_value():
    assert parse("importo is null") == IsNull(Name(None, "importo"))
    assert parse("importo is not null") == Not(IsNull(Name(None, "importo")))


def test_counts_and_sums_with_their_condition():
    assert parse("count(*)") == Count("*")
    assert parse("count(14)") == Count("14")
    assert parse("sum(richiesta.importo_max)") == Aggregate("sum", Name("richiesta", "importo_max"))
    condition = Compare("=", Name(None, "segno"), Literal("-"))
    assert parse("sum(14.importo where segno = '-')") == Aggregate("sum", Name("14", "importo"), condition)


def test_a_field_may_be_called_count():
    assert parse("count > 3") == Compare(">", Name(None, "count"), Literal(Decimal(3)))


def test_names_are_all_fields_that_are_read():
    expression = parse("sum(14.importo where segno = '-' and IM.divisa = 'E')")
    assert names(expression) == (Name("14", "importo"), Name("14", "segno"), Name("IM", "divisa"))
    assert names(parse("not (a = 1 or b is null)")) == (Name(None, "a"), Name(None, "b"))
    assert names(parse("count(*)")) == ()


@pytest.mark.parametrize(
    ("text", "why", "position"),
    [
        ("importo >", "expected a field, a number, a 'text' or a date, found the end", 9),
        ("importo", "expected a comparison (= != < <= > >=) or `is null`, found the end", 7),
        ("importo => 3", "expected a field, a number, a 'text' or a date, found '>'", 9),
        ("importo > 3 servizio = 'A'", "expected `and`, `or` or the end, found 'servizio'", 12),
        ("servizio = 'VIS", "this text has no closing quote", 11),
        ("importo > 3,50", "',' is not understood", 11),
        ("__import__('os')", "expected a comparison (= != < <= > >=) or `is null`, found '('", 10),
        ("data > 2026-02-30", "there is no such day, found '2026-02-30'", 7),
        ("(a = 1", "expected `)`, found the end", 6),
        ("3 is null", "only a field can be null, found 'is'", 2),
        ("count()", "expected the name of a record or group, or *, found ')'", 6),
        ("sum(importo)", "expected record.field, found 'importo'", 4),
        ("a = and", "expected a field, a number, a 'text' or a date, found 'and'", 4),
        ("", "expected a field, a number, a 'text' or a date, found the end", 0),
    ],
)
def test_what_is_refused_and_where(text: str, why: str, position: int):
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert (refused.value.why, refused.value.position) == (why, position)


def test_the_message_shows_the_text_with_the_place_marked():
    with pytest.raises(ExpressionError) as refused:
        parse("importo => 3", where="rule BD-001, check")
    lines = str(refused.value).split("\n")
    assert lines[0].startswith("rule BD-001, check: expected a field")
    assert lines[1:] == ["  importo => 3", "           ^"]


_WORDS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda word: word not in RESERVED)
_NAMES = st.builds(Name, st.none() | st.from_regex(r"[A-Za-z0-9]{1,4}", fullmatch=True), _WORDS)
_LITERALS = st.builds(
    Literal,
    st.text(max_size=8) | st.dates(date(1000, 1, 1)) | st.decimals(-(10**15), 10**15, places=2, allow_nan=False),
)
_COMPARES = st.builds(
    Compare, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), _NAMES, _NAMES | _LITERALS
) | st.builds(IsNull, _NAMES)


def _several(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, parts) | st.builds(Or, parts)


_CONDITIONS = st.recursive(_COMPARES, _several, max_leaves=6)
_AGGREGATES = st.builds(
    Aggregate,
    st.sampled_from([one for one in FUNCTIONS if one != "hash_sum"]),
    st.builds(Name, _WORDS, _WORDS),
    st.none() | _CONDITIONS,
)
_TERMS = (
    st.builds(Count, st.just("*") | _WORDS)
    | st.builds(Count, st.just("*"), st.integers(2, 1000))
    | st.builds(Count, _WORDS, st.just(1), _CONDITIONS)
    | _AGGREGATES
    | st.builds(
        Aggregate, st.just("hash_sum"), st.builds(Name, _WORDS, _WORDS), st.none() | _CONDITIONS, st.integers(2, 10**10)
    )
)


def _combined(parts: list[tuple[int, Count | Aggregate]]) -> Combined:
    (_, first), *others = parts
    return Combined(((1, first), *others))


_EXPRESSIONS = (
    _CONDITIONS | _TERMS | st.lists(st.tuples(st.sampled_from([1, -1]), _TERMS), min_size=2, max_size=3).map(_combined)
)


@given(_EXPRESSIONS)
def test_an_expression_written_and_read_again_is_the_same(expression: Expression):
    assert parse(text_of(expression)) == expression


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text: str):
    try:
        expression = parse(text)
    except ExpressionError as refused:
        assert 0 <= refused.position <= len(text)
    else:
        assert parse(text_of(expression)) == expression
