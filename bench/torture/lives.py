"""What people do to whole records now and then: delete, bring back, merge, give another key."""

from __future__ import annotations

from bench.torture.history import PATHS, token
from bench.torture.people import LOCAL, People
from connectors.memory import KEY
from connectors.memory_crm import MemoryRecord
from connectors.port import Presence


def delete_record(people: People) -> str:
    """Delete a record in a CRM."""
    name, crm = people.crm()
    record = people.record(crm)
    if record is None:
        return "nothing to delete"
    crm.lag = 0.0
    crm.delete(record.ref)
    gone(people, name, record)
    return f"{name} {record.ref} deleted"


def gone(people: People, name: str, record: MemoryRecord) -> None:
    """A record is gone: what was written to it need not be kept."""
    people.disturbed.add(str(record.values.get(KEY)))
    people.history.excuse(site=(name, record.ref))


def undelete_record(people: People) -> str:
    """Bring a record back."""
    name, crm = people.crm()
    gone = [each for each in crm.inner.records.values() if each.presence is Presence.DELETED]
    taken = {each.values.get(KEY) for each in crm.live()}
    gone = [each for each in gone if each.values.get(KEY) not in taken]
    if not gone:
        return "nothing to bring back"
    record = people.chance.choice(gone)
    crm.undelete(record.ref)
    return f"{name} {record.ref} is back"


def merge_records(people: People) -> str:
    """Merge a record into another."""
    name, crm = people.crm()
    live = crm.live()
    if len(live) < 2:
        return "nothing to merge"
    winner, loser = people.chance.sample(live, 2)
    crm.lag = 0.0
    crm.merge(winner.ref, loser.ref)
    gone(people, name, loser)
    people.disturbed.add(str(winner.values.get(KEY)))
    return f"{name} {loser.ref} merged into {winner.ref}"


def merge_anew(people: People) -> str:
    """Merge two records into one with a new id."""
    name, crm = people.crm()
    live = crm.live()
    if len(live) < 2:
        return "nothing to merge"
    winner, loser = people.chance.sample(live, 2)
    crm.lag = 0.0
    ref = crm.merge_anew(winner.ref, loser.ref)
    gone(people, name, loser)
    people.disturbed.add(str(winner.values.get(KEY)))
    people.history.moved((name, winner.ref), (name, ref))
    return f"{name} {winner.ref} and {loser.ref} merged into {ref}"


def delete_customer(people: People) -> str:
    """Delete a customer here."""
    living = people.scene.living()
    if not living:
        return "nobody to delete"
    customer = people.chance.choice(living)
    people.scene.delete(customer.id)
    if not people.scene.busy:
        journals = {name: len(crm.journal) for name, crm in people.scene.crms.items()}
        people.buried[str(customer.row["external_id"])] = journals
    customer_gone(people, customer.id, str(customer.row["external_id"]))
    return f"{customer.row['external_id']} deleted here"


def customer_gone(people: People, customer_id: str, key: str) -> None:
    """A customer was deleted: his values need not be kept."""
    people.disturbed.add(key)
    people.deleted_customers.add(customer_id)
    people.history.excuse(site=(LOCAL, customer_id))
    _forget_new(people, customer_id)


def _forget_new(people: People, customer_id: str) -> None:
    """Values with which a customer was made have a site of their own: they go with the customer."""
    customer = next((each for each in people.scene.customers() if each.id == customer_id), None)
    for path in PATHS.values() if customer else ():
        number = token(path, customer.value(path)) if customer else None
        event = people.history.standing.get((path, number)) if number is not None else None
        if event is not None and people.history.events[event].site[0] == LOCAL:
            people.history.excuse(site=people.history.events[event].site, path=path)


def rekey_record(people: People) -> str:
    """Give a record another key."""
    name, crm = people.crm()
    record = people.record(crm)
    key = people.chance.choice([*people.keys, "other"])
    if record is None or any(each.values.get(KEY) == key for each in crm.live()):
        return "the key is taken"
    people.disturbed |= {str(record.values.get(KEY)), key}
    crm.edit(record.ref, {KEY: key})
    return f"{name} {record.ref} is {key}"
