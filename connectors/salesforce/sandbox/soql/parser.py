"""Reads a query: one SELECT from one object, with WHERE, ORDER BY, LIMIT and OFFSET.

AND and OR do not mix without parentheses and NOT governs one simple expression, as in the real grammar.
What SOQL has beyond that (relationships, GROUP BY, WITH, FOR, date words, functions) is refused.
"""

from __future__ import annotations

from connectors.salesforce.sandbox.clock import parse_date, parse_iso
from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.soql.lexer import Token, tokens
from connectors.salesforce.sandbox.soql.syntax import (
    Among,
    Both,
    Compare,
    Condition,
    Either,
    Literal,
    Negation,
    Order,
    Query,
    Selected,
    refused,
)

MAX_LENGTH = 100_000
MAX_OFFSET = 2_000
MAX_DEPTH = 100
"""Parentheses inside one another; a sync sends two or three."""
_FUNCTIONS = frozenset({"count", "min", "max"})
_RESERVED = frozenset(
    {"and", "asc", "desc", "from", "group", "having", "in", "like", "limit", "not", "null", "nulls", "or"}
    | {"offset", "order", "select", "true", "false", "using", "where", "with", "for", "by"}
)
_COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        ApiError: MALFORMED_QUERY, with the place.
    """
    if len(text) > MAX_LENGTH:
        raise ApiError("MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters.")
    return _Parser(text).query()


class _Parser:
    """One pass over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.depth = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def query(self) -> Query:
        self.word("select")
        selected = [self.selected()]
        while self.take_mark(","):
            selected.append(self.selected())
        self.word("from")
        entity = self.name()
        where = self.condition() if self.take_word("where") else None
        order = self.order() if self.take_word("order") else ()
        limit = self.whole_number() if self.take_word("limit") else None
        has_offset = self.take_word("offset")
        offset_at = self.here.at
        offset = self.whole_number() if has_offset else 0
        if self.here.kind != "end":
            raise self.unexpected()
        if offset > MAX_OFFSET:
            reason = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            raise refused(self.text, offset_at, reason, code="NUMBER_OUTSIDE_VALID_RANGE")
        return Query(self.text, tuple(selected), entity.text, entity.at, where, order, limit, offset)

    def selected(self) -> Selected:
        name = self.name()
        if not self.take_mark("("):
            return Selected(name.text, name.at)
        function = name.text.lower()
        if function not in _FUNCTIONS:
            raise refused(self.text, name.at, f"unexpected token: '{name.text}'")
        if self.take_mark(")"):
            if function != "count":
                raise self.unexpected()
            argument = Token("name", "", name.at)
        else:
            argument = self.name()
            self.mark(")")
        alias = None
        if self.here.kind == "name" and self.here.text.lower() not in _RESERVED:
            alias = self.name().text
        return Selected(argument.text, argument.at, function, alias)

    def condition(self) -> Condition:
        if self.take_word("not"):
            return Negation(self.simple())
        parts = [self.simple()]
        for word, join in (("and", Both), ("or", Either)):
            if self.is_word(word):
                while self.take_word(word):
                    parts.append(self.simple())
                return join(tuple(parts))
        return parts[0]

    def simple(self) -> Condition:
        if self.take_mark("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.unexpected()
            inner = self.condition()
            self.mark(")")
            self.depth -= 1
            return inner
        field = self.name()
        if self.here.kind == "mark" and self.here.text in _COMPARISONS:
            op = self.advance().text
            return Compare(field.text, "!=" if op == "<>" else op, self.literal(), field.at)
        if self.take_word("like"):
            return Compare(field.text, "like", self.literal(), field.at)
        negated = self.take_word("not")
        if not self.take_word("in"):
            raise self.unexpected()
        self.mark("(")
        literals = [self.literal()]
        while self.take_mark(","):
            literals.append(self.literal())
        self.mark(")")
        return Among(field.text, negated, tuple(literals), field.at)

    def order(self) -> tuple[Order, ...]:
        self.word("by")
        items = [self.order_item()]
        while self.take_mark(","):
            items.append(self.order_item())
        return tuple(items)

    def order_item(self) -> Order:
        field = self.name()
        descending = self.take_word("desc")
        if not descending:
            self.take_word("asc")
        nulls_last = False
        if self.take_word("nulls"):
            nulls_last = self.take_word("last")
            if not nulls_last:
                self.word("first")
        return Order(field.text, field.at, descending, nulls_last)

    def literal(self) -> Literal:
        token = self.here
        value: str | float | bool | None
        if token.kind == "string":
            value = token.text[1:-1]
        elif token.kind == "number":
            value = float(token.text) if "." in token.text else int(token.text)
        elif token.kind in ("datetime", "date"):
            value = (parse_iso if token.kind == "datetime" else parse_date)(token.text)
            if value is None:
                raise refused(self.text, token.at, f"line 1:{token.at} invalid {token.kind}: {token.text}")
        elif token.kind == "name" and token.text.lower() in ("true", "false", "null"):
            word = token.text.lower()
            self.advance()
            kind = "null" if word == "null" else "boolean"
            return Literal(kind, None if word == "null" else word == "true", token.at)
        else:
            raise self.unexpected()
        self.advance()
        return Literal(token.kind, value, token.at)

    def whole_number(self) -> int:
        token = self.here
        if token.kind != "number" or not token.text.isdecimal():
            raise self.unexpected()
        return int(self.advance().text)

    def name(self) -> Token:
        if self.here.kind != "name" or self.here.text.lower() in _RESERVED:
            raise self.unexpected()
        return self.advance()

    def word(self, word: str) -> None:
        if not self.take_word(word):
            raise self.unexpected()

    def mark(self, mark: str) -> None:
        if not self.take_mark(mark):
            raise self.unexpected()

    def is_word(self, word: str) -> bool:
        return self.here.kind == "name" and self.here.text.lower() == word

    def take_word(self, word: str) -> bool:
        if self.is_word(word):
            self.place += 1
            return True
        return False

    def take_mark(self, mark: str) -> bool:
        if self.here.kind == "mark" and self.here.text == mark:
            self.place += 1
            return True
        return False

    def advance(self) -> Token:
        token = self.here
        self.place += 1
        return token

    def unexpected(self) -> ApiError:
        return refused(self.text, self.here.at, f"unexpected token: '{self.here.text}'")
