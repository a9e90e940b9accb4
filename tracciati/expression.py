"""Expressions: the small grammar of `check`, `derive` and `where`, as frozen values.

    check   importo_max > 0 or servizio = 'VIS2'
    derive  count(richiesta)      count(*)      sum(14.importo where segno = '-')
            hash_sum(6.banca mod 10000000000)   first(01.saldo) + sum(04.importo)

A name is a field of the record at hand, or `record.field` for a field of the one head or tail record.
Text stands in single quotes ('' is a quote), numbers are exact (`12.50`), dates are `2026-01-31`.
Comparisons are = != < <= > >= ; `is null` and `is not null` ask whether there is a value.

**A comparison with a null is false**, whichever the operator: `importo > 0` is false for a blank amount, and so
is `importo <= 0`. `not` is plain: `not importo > 0` is true for a blank amount. There is no third truth value.

Nothing here is ever evaluated by Python: `rules` turns these values into operations on columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal as OneOf
from typing import NoReturn, TypeGuard, cast, get_args

from tracciati.errors import TracciatiError
from tracciati.limits import NESTING_MAX

Operator = OneOf["=", "!=", "<", "<=", ">", ">="]
Function = OneOf["sum", "hash_sum", "min", "max", "first", "last"]
FUNCTIONS: tuple[Function, ...] = get_args(Function)


@dataclass(frozen=True)
class Name:
    """A field: of the record at hand when `record` is None, else of the one record of that type."""

    record: str | None
    field: str

    @property
    def path(self) -> str:
        """As it was written: `field` or `record.field`."""
        return self.field if self.record is None else f"{self.record}.{self.field}"


@dataclass(frozen=True)
class Literal:
    """A text, an exact number or a date; the class of `value` says which."""

    value: str | Decimal | date


@dataclass(frozen=True)
class Compare:
    """`left op right`. False where either side is null."""

    op: Operator
    left: Operand
    right: Operand


@dataclass(frozen=True)
class IsNull:
    """`name is null`; `is not null` is Not(IsNull(name))."""

    name: Name


@dataclass(frozen=True)
class Not:
    """True where `part` is false, nulls included."""

    part: Condition


@dataclass(frozen=True)
class And:
    """All `parts` (two or more)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """Any of `parts` (two or more)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Count:
    """How many records of a type, occurrences of a group, or (`*`) records of any type there are.

    per    how many of them are one block, the last of which may be shorter: `blocks(10)` is Count("*", 10)
    where  which records of the type are counted; None: all
    """

    target: str
    per: int = 1
    where: Condition | None = None


@dataclass(frozen=True)
class Aggregate:
    """One number from `path.field` of all records of type `path.record` for which `where` holds.

    sum       nulls count as zero
    hash_sum  the same of an identifier's digits, and only what is left when it is divided by `modulus` (0: all of it)
    min, max, first, last   of those that have a value; no value when none has
    """

    function: Function
    path: Name
    where: Condition | None = None
    modulus: int = 0


@dataclass(frozen=True)
class Combined:
    """Several of them, each with its sign (1 or -1), added up: an opening balance and what came after it."""

    parts: tuple[tuple[int, Term], ...]


Operand = Name | Literal
Condition = And | Or | Not | Compare | IsNull
Term = Count | Aggregate
Derivation = Count | Aggregate | Combined
Expression = Condition | Derivation

RESERVED = frozenset({"and", "or", "not", "is", "null", "where"})

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<date>\d{4}-\d{2}-\d{2}(?![\w.-]))
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*')
      | (?P<path>\w+\.\w+)
      | (?P<word>\w+)
      | (?P<op><=|>=|!=|=|<|>)
      | (?P<mark>[()*+-])""",
    re.VERBOSE,
)


class ExpressionError(TracciatiError):
    """An expression that cannot be read. `position` is the index in `text` where reading stopped."""

    def __init__(self, text: str, position: int, why: str, where: str) -> None:
        self.text, self.position, self.why = text, position, why
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{why}\n  {text}\n  {' ' * position}^")


def parse(text: str, *, where: str = "") -> Expression:
    """Read an expression.

    text     the expression as it stands in the layout
    where    what the error message begins with, e.g. "rule BD-001, check"

    Raises ExpressionError, with the place marked, for anything that is not in the grammar. Names are not
    looked up here: `resolve` does that.

    >>> parse("sum(14.importo where segno = '-')")
    Aggregate(function='sum', path=Name(record='14', field='importo'), where=Compare(op='=', left=Name(record=None, \
field='segno'), right=Literal(value='-')), modulus=0)
    """
    return _Parser(text, where).whole()


class _Parser:
    """Recursive descent over the tokens of one text; `not` binds tighter than `and`, `and` tighter than `or`."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where
        self.tokens: list[tuple[str, str, int]] = []
        self.at = 0
        self.depth = 0
        position = 0
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                why = (
                    "this text has no closing quote"
                    if text[position] == "'"
                    else f"{text[position]!r} is not understood"
                )
                raise ExpressionError(text, position, why, where)
            if found.lastgroup != "space":
                self.tokens.append((str(found.lastgroup), found.group(), position))
            position = found.end()
        self.tokens.append(("end", "", len(text)))

    def whole(self) -> Expression:
        """The whole text is one expression."""
        result: Expression = self._derivation() if self._begins_term() else self._either()
        if self.tokens[self.at][0] != "end":
            self._stop("expected `and`, `or` or the end")
        return result

    def _stop(self, why: str) -> NoReturn:
        _, word, position = self.tokens[self.at]
        raise ExpressionError(
            self.text, position, f"{why}, found {word!r}" if word else f"{why}, found the end", self.where
        )

    def _take(self, word: str) -> None:
        if self.tokens[self.at][0] == "text" or self.tokens[self.at][1] != word:
            self._stop(f"expected `{word}`")
        self.at += 1

    def _is(self, word: str) -> bool:
        kind, found, _ = self.tokens[self.at]
        return kind != "text" and found == word

    def _begins_term(self) -> bool:
        kind, word, _ = self.tokens[self.at]
        return kind == "word" and word in ("count", "blocks", *FUNCTIONS) and self.tokens[self.at + 1][1] == "("

    def _derivation(self) -> Derivation:
        parts = [(1, self._term())]
        while self._is("+") or self._is("-"):
            sign = 1 if self._is("+") else -1
            self.at += 1
            if not self._begins_term():
                self._stop(f"expected count(...), blocks(...) or one of {', '.join(FUNCTIONS)}")
            parts.append((sign, self._term()))
        return parts[0][1] if len(parts) == 1 else Combined(tuple(parts))

    def _term(self) -> Term:
        word = self.tokens[self.at][1]
        self.at += 1
        self._take("(")
        term: Term
        if word == "count":
            term = self._count()
        elif word == "blocks":
            term = Count("*", self._whole_number("how many records a block has"))
        else:
            term = self._aggregate(cast(Function, word))
        self._take(")")
        return term

    def _count(self) -> Count:
        kind, word, _ = self.tokens[self.at]
        if word != "*" and kind not in ("word", "number"):
            self._stop("expected the name of a record or group, or *")
        self.at += 1
        if not self._is("where"):
            return Count(word)
        self.at += 1
        return Count(word, 1, self._either())

    def _whole_number(self, what: str) -> int:
        kind, word, _ = self.tokens[self.at]
        if kind != "number" or not word.isdigit() or int(word) < 2:
            self._stop(f"expected {what}, a whole number from 2 on")
        self.at += 1
        return int(word)

    def _aggregate(self, function: Function) -> Aggregate:
        kind, word, _ = self.tokens[self.at]
        if kind != "path":
            self._stop("expected record.field")
        self.at += 1
        record, _, field = word.partition(".")
        condition: Condition | None = None
        if self._is("where"):
            self.at += 1
            condition = self._either()
        modulus = 0
        if function == "hash_sum" and self._is("mod"):
            self.at += 1
            modulus = self._whole_number("what the sum is divided by")
        return Aggregate(function, Name(record, field), condition, modulus)

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._is("or"):
            self.at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._is("and"):
            self.at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Condition:
        if self._is("not") or self._is("("):
            return self._inside()
        left = self._operand()
        if self._is("is"):
            return self._null_test(left)
        kind, word, _ = self.tokens[self.at]
        if kind != "op":
            self._stop("expected a comparison (= != < <= > >=) or `is null`")
        self.at += 1
        return Compare(word, left, self._operand())  # type: ignore[arg-type]  # the token pattern admits these six only

    def _inside(self) -> Condition:
        self.depth += 1
        if self.depth > NESTING_MAX:
            self._stop(f"more than {NESTING_MAX} parentheses within one another")
        negated = self._is("not")
        self.at += 1
        part: Condition
        if negated:
            part = Not(self._one())
        else:
            part = self._either()
            self._take(")")
        self.depth -= 1
        return part

    def _null_test(self, left: Operand) -> Condition:
        if not isinstance(left, Name):
            self._stop("only a field can be null")
        self.at += 1
        negated = self._is("not")
        self.at += negated
        self._take("null")
        return Not(IsNull(left)) if negated else IsNull(left)

    def _operand(self) -> Operand:
        kind, word, _ = self.tokens[self.at]
        if kind == "word" and word not in RESERVED:
            self.at += 1
            return Name(None, word)
        if kind == "path":
            self.at += 1
            record, _, field = word.partition(".")
            return Name(record, field)
        if kind == "number":
            self.at += 1
            return Literal(Decimal(word))
        if kind == "text":
            self.at += 1
            return Literal(word[1:-1].replace("''", "'"))
        if kind == "date":
            try:
                value = date.fromisoformat(word)
            except ValueError:
                self._stop("there is no such day")
            self.at += 1
            return Literal(value)
        return self._stop("expected a field, a number, a 'text' or a date")


def names(expression: Expression) -> tuple[Name, ...]:
    """Every field that an expression reads, in the order of its text."""
    if isinstance(expression, And | Or):
        return tuple(n for part in expression.parts for n in names(part))
    if isinstance(expression, Not):
        return names(expression.part)
    if isinstance(expression, Compare):
        return tuple(side for side in (expression.left, expression.right) if isinstance(side, Name))
    if isinstance(expression, IsNull):
        return (expression.name,)
    if isinstance(expression, Combined):
        return tuple(n for _, part in expression.parts for n in names(part))
    if isinstance(expression, Count) and expression.where is not None:
        return tuple(Name(n.record or expression.target, n.field) for n in names(expression.where))
    if isinstance(expression, Aggregate):
        # Inside `where` a bare name is a field of the record that is summed.
        inner = names(expression.where) if expression.where is not None else ()
        return (expression.path, *(Name(n.record or expression.path.record, n.field) for n in inner))
    return ()


def _literal_text(value: str | Decimal | date) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()


def text_of(expression: Expression | Operand) -> str:
    """The expression as text again, in the one canonical spelling: parse(text_of(e)) == e."""
    if isinstance(expression, Name):
        return expression.path
    if isinstance(expression, Literal):
        return _literal_text(expression.value)
    if isinstance(expression, Compare):
        return f"{text_of(expression.left)} {expression.op} {text_of(expression.right)}"
    if isinstance(expression, IsNull):
        return f"{expression.name.path} is null"
    if isinstance(expression, Not):
        return f"not ({text_of(expression.part)})"
    if isinstance(expression, And):
        return " and ".join(f"({text_of(p)})" if isinstance(p, Or | And) else text_of(p) for p in expression.parts)
    if isinstance(expression, Or):
        return " or ".join(f"({text_of(p)})" if isinstance(p, Or) else text_of(p) for p in expression.parts)
    if isinstance(expression, Combined):
        signed = [("+ " if sign > 0 else "- ") + text_of(part) for sign, part in expression.parts]
        return " ".join(signed).removeprefix("+ ")
    where = f" where {text_of(expression.where)}" if expression.where is not None else ""
    if isinstance(expression, Count):
        return f"count({expression.target}{where})" if expression.per == 1 else f"blocks({expression.per})"
    modulus = f" mod {expression.modulus}" if expression.modulus else ""
    return f"{expression.function}({expression.path.path}{where}{modulus})"


def terms(derivation: Derivation) -> tuple[tuple[int, Term], ...]:
    """What a total is made of, each with its sign."""
    return derivation.parts if isinstance(derivation, Combined) else ((1, derivation),)


def targets(derivation: Derivation) -> tuple[str, ...]:
    """The records and groups that a total is made of; `*` is none in particular."""
    named = [term.target if isinstance(term, Count) else str(term.path.record) for _, term in terms(derivation)]
    return tuple(dict.fromkeys(name for name in named if name != "*"))


def is_total(expression: Expression) -> TypeGuard[Derivation]:
    """Is it a total, and not a condition?"""
    return isinstance(expression, Derivation)
