"""What the port promises of its reads, held against every connector.

Subclass `ReadingContract` in a test module with a fixture `crm` that gives a `Playground`; see
`test_memory.py`.
"""

from __future__ import annotations

import pytest

from connectors.port import Cursor, Observation, Presence
from tests.conformance.playground import Playground, calls, customer, fields, live, walk

KEYS = (
    "Case-A",
    "two words",
    "o'clock",
    'q"uote',
    "a/b/c",
    "ümlaut-日本",
    "50%+1",
    "back\\slash",
    "k;1,2",
    "0017",
)


def departed(crm: Playground, since: Cursor) -> list[Observation]:
    """What is reported as gone or merged since a cursor."""
    connector = crm.connector
    seen, _ = walk(connector.list_changes, since)
    if not connector.capabilities.deletes_in_changes:
        seen += walk(connector.list_deleted)[0]
    return [each for each in seen if each.presence is not Presence.LIVE]


class ReadingContract:
    """One test per promise."""

    def test_it_describes_the_account_and_the_mapped_fields(self, crm: Playground) -> None:
        found = crm.connector.describe()
        assert found.account_id
        assert found.account_name
        key = found.fields[crm.connector.key_field]
        assert key.unique
        assert key.writable
        assert all(each.name == name for name, each in found.fields.items())

    def test_a_listing_shows_every_record_once(self, crm: Playground) -> None:
        refs = {crm.create(customer(n), f"K{n}") for n in range(crm.page + 3)}
        seen, _ = walk(crm.connector.list_all)
        assert sorted(each.ref for each in seen) == sorted(refs)
        assert {each.external_id for each in seen} == {f"K{n}" for n in range(crm.page + 3)}

    @pytest.mark.parametrize("count", [1, 3])
    def test_partitions_cover_every_record_once(self, crm: Playground, count: int) -> None:
        refs = {crm.create(customer(n), f"K{n}") for n in range(23)}
        parts = [walk(crm.connector.list_all, cursor) for cursor in crm.connector.partitions(count)]
        assert 1 <= len(parts) <= count
        assert sorted(each.ref for seen, _ in parts for each in seen) == sorted(refs)
        crm.edit(min(refs), {"phone_number": "+49 30 1234567"})
        for _, cursor in parts:
            assert min(refs) in {each.ref for each in walk(crm.connector.list_changes, cursor)[0]}

    def test_an_empty_crm_is_listed(self, crm: Playground) -> None:
        connector = crm.connector
        assert walk(connector.list_all)[0] == []
        assert [walk(connector.list_all, each)[0] for each in connector.partitions(1)] == [[]]
        assert walk(connector.list_deleted)[0] == []
        assert walk(connector.list_changes)[0] == []

    def test_a_listing_ends_with_a_cursor_for_later_changes(self, crm: Playground) -> None:
        refs = [crm.create(customer(n), f"K{n}") for n in range(crm.page + 3)]
        edits = iter(refs)  # those that have been shown by then
        _, cursor = walk(crm.connector.list_all, between=lambda: crm.edit(next(edits), {"email": "x@y.de"}))
        late = crm.create(customer(9000), "late")
        seen = {each.ref: each for each in walk(crm.connector.list_changes, cursor)[0]}
        assert late in seen
        assert crm.connector.decode(seen[refs[0]])["email"] == "x@y.de"

    def test_changes_start_at_now_and_show_what_follows(self, crm: Playground) -> None:
        old, edited = crm.create(customer(1), "K1"), crm.create(customer(2), "K2")
        first = crm.connector.list_changes(None)
        assert not first.observations
        assert not first.more
        made = crm.create(customer(3), "K3")
        crm.edit(edited, {"customer_name": "Renamed"})
        seen = {each.ref: each for each in walk(crm.connector.list_changes, first.cursor)[0]}
        assert {made, edited} <= seen.keys() <= {old, made, edited}
        assert crm.connector.decode(seen[edited])["customer_name"] == "Renamed"

    def test_nothing_is_skipped_when_records_change_between_pages(self, crm: Playground) -> None:
        cursor = crm.connector.list_changes(None).cursor
        refs = [crm.create(customer(n), f"K{n}") for n in range(crm.page + 30)]
        moving = iter([*refs[:5], *refs[-5:], *refs[5:-5]])
        made: list[str] = []

        def between() -> None:
            if len(made) < 10:
                crm.edit(next(moving), {"customer_name": "Moved"})
                made.append(crm.create(customer(9000 + len(made))))

        seen, cursor = walk(crm.connector.list_changes, cursor, between)
        seen += walk(crm.connector.list_changes, cursor)[0]
        assert made
        assert {each.ref for each in seen} == {*refs, *made}
        last = {each.ref: each for each in seen}
        for ref in refs[:1]:
            assert crm.connector.decode(last[ref])["customer_name"] == "Moved"

    @pytest.mark.parametrize("shares", [[1.1], [0.7, 0.7, 0.7]])
    def test_changes_at_one_moment_are_not_skipped_between_pages(
        self, crm: Playground, shares: list[float]
    ) -> None:
        cursor = crm.connector.list_changes(None).cursor
        refs: list[str] = []
        for share in shares:
            crm.freeze()
            refs += [crm.create({"customer_name": f"Tie {n}"}) for n in range(int(crm.page * share))]
        seen, cursor = walk(crm.connector.list_changes, cursor)
        assert sorted(each.ref for each in seen) == sorted(refs)
        later = crm.create(customer(1))
        assert later in {each.ref for each in walk(crm.connector.list_changes, cursor)[0]}

    def test_a_look_without_news_is_one_call(self, crm: Playground) -> None:
        crm.create(customer(1), "K1")
        page = crm.connector.list_changes(None)
        before = calls(crm.connector)
        page = crm.connector.list_changes(page.cursor)
        assert not page.more
        assert calls(crm.connector) == before + 1

    def test_deleted_records_are_reported_and_come_back(self, crm: Playground) -> None:
        ref, cursor = crm.create(customer(1), "K1"), crm.connector.list_changes(None).cursor
        crm.delete(ref)
        gone = departed(crm, cursor)
        assert [(each.ref, each.presence) for each in gone] == [(ref, Presence.DELETED)]
        assert crm.connector.get_many([ref])[ref].presence is Presence.DELETED
        assert crm.connector.find_by_external_id(["K1"]) == []
        assert walk(crm.connector.list_all)[0] == []
        crm.undelete(ref)
        assert fields(crm, ref)["customer_name"] == "Customer 1"
        last = {each.ref: each for each in walk(crm.connector.list_changes, cursor)[0]}
        assert last[ref].presence is Presence.LIVE
        assert [each.ref for each in crm.connector.find_by_external_id(["K1"])] == [ref]

    def test_merged_records_name_the_one_that_is_left(self, crm: Playground) -> None:
        if not crm.connector.capabilities.merges:
            pytest.skip("this CRM does not merge")
        winner, loser = crm.create(customer(1), "K1"), crm.create(customer(2), "K2")
        cursor = crm.connector.list_changes(None).cursor
        left = crm.merge(winner, loser)
        told = {each.ref: each for each in departed(crm, cursor)}
        assert (told[loser].presence, told[loser].merged_into) == (Presence.MERGED, left)
        found = crm.connector.get_many([winner, loser])
        assert (found[loser].presence, found[loser].merged_into) == (Presence.MERGED, left)
        assert winner == left or found[winner].merged_into == left
        assert fields(crm, left)["customer_name"] == "Customer 1"

    def test_reads_by_ref_take_any_number(self, crm: Playground) -> None:
        size = crm.connector.capabilities.read_batch
        refs = [crm.create(customer(n)) for n in range(min(2 * size + 1, 201))]
        wanted = [*refs, crm.unknown_ref, "no-ref", *refs[:3]]
        crm.connector.get_many(refs[:1])  # signs in
        before = calls(crm.connector)
        found = crm.connector.get_many(wanted)
        assert found.keys() == set(refs)
        assert all(ref == each.ref for ref, each in found.items())
        assert calls(crm.connector) - before <= -(-len(wanted) // size) + 1
        assert crm.connector.get_many([]) == {}

    def test_external_ids_are_found_as_they_are_spelt(self, crm: Playground) -> None:
        refs = {key: crm.create(customer(n), key) for n, key in enumerate(KEYS)}
        found = crm.connector.find_by_external_id([*KEYS, "not there", "a/b", "k"])
        assert {each.external_id: each.ref for each in found} == refs
        assert len(found) == len(KEYS)
        other = crm.connector.find_by_external_id(["case-a"])
        assert [each.external_id for each in other] in ([], ["Case-A"])
        if crm.connector.describe().fields[crm.connector.key_field].case_sensitive:
            assert other == []
        assert crm.connector.find_by_external_id([]) == []

    def test_many_external_ids_are_found(self, crm: Playground) -> None:
        for n in range(150):
            crm.create(customer(n), f"Key {n}")
        found = crm.connector.find_by_external_id([f"Key {n}" for n in range(300)])
        assert sorted(str(each.external_id) for each in found) == sorted(f"Key {n}" for n in range(150))

    def test_all_reads_decode_to_the_same(self, crm: Playground) -> None:
        cursor = crm.connector.list_changes(None).cursor
        ref = crm.create(customer(1), "K1")
        seen = [
            *walk(crm.connector.list_all)[0],
            *walk(crm.connector.list_changes, cursor)[0],
            *crm.connector.find_by_external_id(["K1"]),
            live(crm, ref),
        ]
        assert [crm.connector.decode(each) for each in seen] == [fields(crm, ref)] * 4
        assert fields(crm, ref).items() >= customer(1).items()

    def test_a_digest_stands_for_a_payload(self, crm: Playground) -> None:
        first, second = crm.create(customer(1), "K1"), crm.create(customer(2), "K2")
        seen = [live(crm, first), live(crm, second), live(crm, first)]
        crm.edit(first, {"email": "new@example.com"})
        seen += [live(crm, first), live(crm, second), *walk(crm.connector.list_all)[0]]
        assert all(len(each.digest) == 16 for each in seen)
        for one in seen:
            for other in seen:
                assert (one.digest == other.digest) == (one.payload == other.payload)
        assert seen[0].digest == seen[2].digest != seen[3].digest
        assert seen[0].version != seen[3].version
