"""SOQL without HTTP: labelled queries, and random ones against a plain reading of the same rows."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.fields import account, external_id_field
from connectors.salesforce.sandbox.ids import numbered
from connectors.salesforce.sandbox.soql.check import checked
from connectors.salesforce.sandbox.soql.parser import parse
from connectors.salesforce.sandbox.soql.run import run
from connectors.salesforce.sandbox.view import View
from tests.connectors.salesforce_sandbox.org import soql

SCHEMA = account(external_id=external_id_field())


def test_nothing_that_is_labelled_invalid_is_accepted(recorded: Path) -> None:
    cases = json.loads((recorded / "soql-is-valid-cases.json").read_text())
    accepted, refused = 0, 0
    for case in cases:
        valid = case["isValid"] and "options" not in case
        try:
            query = checked(parse(case["soql"]), SCHEMA)
        except ApiError as error:
            assert error.status == 400
            assert error.code.isupper()
            refused += 1
        else:
            # Of the objects only Account is there; the handler refuses the rest.
            assert valid, case["soql"]
            assert query.selected
            accepted += 1
    assert accepted + refused == len(cases) == 163
    assert accepted >= 15


IDS = [numbered("0015g0", number) for number in range(12)]
STAMPS = [f"2024-01-01T00:00:0{second}.000+0000" for second in range(4)]
KEYS = ["a", "A", "b", "B"]


@st.composite
def populations(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for record in draw(st.lists(st.sampled_from(IDS), unique=True)):
        row: dict[str, Any] = {
            "Id": record,
            "SystemModstamp": draw(st.sampled_from(STAMPS)),
            "IsDeleted": draw(st.booleans()),
            "Name": draw(st.sampled_from(["Ant", "ant", "Bee", "cat"])),
        }
        key, size = draw(st.sampled_from([None, *KEYS])), draw(st.sampled_from([None, 1, 2, 3]))
        rows.append(
            row
            | ({"External_ID__c": key} if key else {})
            | ({"NumberOfEmployees": size} if size is not None else {})
        )
    return rows


def quoted(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([f"'{value}'" for value in values])


OPS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
EQUALS = st.sampled_from(["=", "!="])


def comparison(field: str, ops: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> Any:
    return st.tuples(ops, values).map(lambda pair: f"{field} {pair[0]} {pair[1]}")


LEAVES = st.one_of(
    comparison("Id", OPS, quoted(IDS)),
    comparison("SystemModstamp", OPS, st.sampled_from(STAMPS)),
    comparison("External_ID__c", EQUALS, quoted(KEYS)),
    comparison("Name", OPS, quoted(["ANT", "bee", "x"])),
    comparison("NumberOfEmployees", OPS, st.sampled_from(["1", "2.5", "3"])),
    comparison("NumberOfEmployees", EQUALS, st.just("null")),
    comparison("External_ID__c", EQUALS, st.just("null")),
    st.just("External_ID__c IN ('a', null)"),
    st.tuples(st.sampled_from(STAMPS), OPS, OPS, quoted(IDS)).map(
        lambda parts: f"(SystemModstamp {parts[1]} {parts[0]} AND Id {parts[2]} {parts[3]})"
    ),
    st.lists(quoted(IDS), min_size=1, max_size=4).map(lambda ids: f"Id IN ({', '.join(ids)})"),
    st.lists(quoted(KEYS), min_size=1, max_size=3).map(lambda keys: f"External_ID__c IN ({', '.join(keys)})"),
    st.lists(quoted(KEYS), min_size=1, max_size=3).map(
        lambda keys: f"External_ID__c NOT IN ({', '.join(keys)})"
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' AND '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        inner.map(lambda part: f"(NOT ({part}))"),
    ),
    max_leaves=6,
)
ORDERS = st.sampled_from(
    [
        *("", "ORDER BY Id", "ORDER BY Id DESC", "ORDER BY SystemModstamp, Id"),
        *(
            "ORDER BY SystemModstamp DESC, Id DESC",
            "ORDER BY SystemModstamp DESC, Id",
            "ORDER BY Name, Id DESC",
        ),
        *("ORDER BY NumberOfEmployees NULLS LAST, Id", "ORDER BY NumberOfEmployees DESC, SystemModstamp, Id"),
    ]
)


WINDOWS = st.tuples(st.none() | st.integers(0, 4), st.integers(0, 2))


def holds(row: dict[str, Any], text: str) -> bool:
    """The condition read as Python, apart from the code under test."""
    scope = {
        name: row.get(name)
        for name in ("Id", "SystemModstamp", "External_ID__c", "Name", "NumberOfEmployees")
    }
    return bool(_Reader(text, scope).whole())


class _Reader:
    """Evaluates a generated condition from its text."""

    def __init__(self, text: str, scope: dict[str, Any]) -> None:
        spaced = text.replace("(", " ( ").replace(")", " ) ").replace(",", " , ")
        self.words, self.scope, self.at = spaced.split(), scope, 0

    def next(self) -> str:
        self.at += 1
        return self.words[self.at - 1]

    def whole(self) -> bool:
        if self.words[self.at] != "(":
            return self.leaf()
        self.next()
        if self.words[self.at] == "NOT":
            self.next()
            value = not self.whole()
        else:
            value = self.whole()
            while self.words[self.at] in ("AND", "OR"):
                word, right = self.next(), self.whole()
                value = (value and right) if word == "AND" else (value or right)
        assert self.next() == ")"
        return value

    def leaf(self) -> bool:
        field, op = self.next(), self.next()
        own = self.fold(field, self.scope[field])
        if op in ("IN", "NOT"):
            if op == "NOT":
                self.next()
            self.next()
            among = []
            while True:
                among.append(self.fold(field, self.value(self.next())))
                if self.next() == ")":
                    return (own in among) == (op == "IN")
        other = self.fold(field, self.value(self.next()))
        if op in ("=", "!="):
            return bool((own == other) == (op == "="))
        if own is None:
            return False
        return bool({"<": own < other, "<=": own <= other, ">": own > other, ">=": own >= other}[op])

    def value(self, word: str) -> Any:
        if word.startswith("'"):
            return word.strip("'")
        if word == "null":
            return None
        return word if "T" in word else float(word)

    def fold(self, field: str, value: Any) -> Any:
        return value.casefold() if field == "Name" and value is not None else value


def sort_key(order: str, row: dict[str, Any]) -> list[Any]:
    """What must not fall between neighbours: each key as (blank?, value), turned for DESC."""
    keys: list[Any] = []
    for item in order.removeprefix("ORDER BY ").split(", "):
        name, *words = item.split()
        value = row.get(name)
        value = value.casefold() if name == "Name" and value is not None else value
        blank_rank = (value is None) if "LAST" in words else (value is not None)
        keys.append((name, "DESC" in words, blank_rank, value))
    return keys


def in_order(one: list[Any], other: list[Any]) -> bool:
    for (_, descending, blank, value), (_, _, other_blank, other_value) in zip(one, other, strict=True):
        if blank != other_blank:
            return bool(blank < other_blank)
        if value != other_value:
            return bool((value > other_value) if descending else (value < other_value))
    return True


@settings(max_examples=400, deadline=None)
@given(populations(), CONDITIONS, ORDERS, st.booleans(), WINDOWS)
def test_an_index_never_changes_the_answer(
    rows: list[dict[str, Any]], where: str, order: str, deleted: bool, window: tuple[int | None, int]
) -> None:
    view = View(SCHEMA)
    view.show(rows)
    text = soql("Id", "WHERE", where, order)
    limit, offset = window
    cut = (f" LIMIT {limit}" if limit is not None else "") + (f" OFFSET {offset}" if offset else "")
    every = list(run(checked(parse(text), SCHEMA), view, deleted=deleted).rows)
    some = list(run(checked(parse(text + cut), SCHEMA), view, deleted=deleted).rows)
    expected = [row["Id"] for row in rows if holds(row, where) and (deleted or not row["IsDeleted"])]
    assert sorted(row["Id"] for row in every) == sorted(expected)
    if order:
        keys = [sort_key(order, row) for row in every]
        assert all(in_order(one, other) for one, other in pairwise(keys))
    assert some == every[offset : None if limit is None else offset + limit]
    count = run(checked(parse(soql("COUNT()", "WHERE", where)), SCHEMA), view, deleted=deleted)
    assert count.count == len(expected)


@settings(max_examples=200, deadline=None)
@given(populations(), st.sampled_from(STAMPS), OPS, quoted(IDS), OPS)
def test_a_page_that_starts_inside_equal_stamps(
    rows: list[dict[str, Any]], stamp: str, by_stamp: str, record: str, by_id: str
) -> None:
    view = View(SCHEMA)
    view.show(rows)
    for where in (
        f"(SystemModstamp = {stamp} AND Id {by_id} {record})",
        f"((SystemModstamp = {stamp} AND Id {by_id} {record}) OR SystemModstamp {by_stamp} {stamp})",
        f"(SystemModstamp {by_stamp} {stamp} AND (SystemModstamp > {stamp} OR Id {by_id} {record}))",
    ):
        for way in ("", " DESC"):
            text = soql("Id", "WHERE", where, f"ORDER BY SystemModstamp{way}, Id{way}")
            found = [row["Id"] for row in run(checked(parse(text), SCHEMA), view, deleted=True).rows]
            expected = [row for row in rows if holds(row, where)]
            expected.sort(key=lambda row: (row["SystemModstamp"], row["Id"]), reverse=bool(way))
            assert found == [row["Id"] for row in expected]


def test_deep_nesting_and_long_lists_are_answered() -> None:
    view = View(SCHEMA)
    nested = soql("Id", "WHERE", "(" * 50 + "Name = 'x'" + ")" * 50)
    assert run(checked(parse(nested), SCHEMA), view, deleted=False).rows == []
    with pytest.raises(ApiError, match="MALFORMED_QUERY"):
        parse(soql("Id", "WHERE", "(" * 40_000, "Name = 'x'", ")" * 40_000))
    many = ", ".join(f"'{n}'" for n in range(4000))
    assert parse(soql("Id", "WHERE External_ID__c IN (", many, ")")).where is not None


def test_a_query_of_more_than_a_hundred_thousand_characters_is_refused() -> None:
    with pytest.raises(ApiError, match="100000"):
        parse("SELECT Id FROM Account" + " " * 100_000)
