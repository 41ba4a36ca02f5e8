"""What time does to contracts: those that have ended are called expired, by the clock of the database.

Reading does not wait for this: a contract is shown as expired from its end on. Here it becomes a change, with
a version, a time and an entry in the audit, for those who ask what is new.
"""

from __future__ import annotations

from connectors.records import JSON
from sync.core.contract import Status
from sync.store import audit, contracts
from sync.store.query import Row, now
from sync.store.session import Database

BATCH = 500
MOST_BATCHES = 20


def expire(database: Database) -> int:
    """Call contracts expired whose end is reached, in short transactions; how many there were.

    Any number may do so at once: each contract expires once. What is left over waits for the next time.
    """
    done = 0
    for _ in range(MOST_BATCHES):
        with database.reading() as tx:  # mostly there are none: then nobody is made to wait
            if not contracts.ended(tx, now(tx), limit=1):
                break
        count = _one_batch(database)
        done += count
        if count < BATCH:
            break
    return done


def _one_batch(database: Database) -> int:
    with database.transaction() as tx:
        at = now(tx)
        found = contracts.ended(tx, at, limit=BATCH, lock=True)
        if found:
            contracts.expire(tx, found, at)
            deeds = [(row["organisation_id"], row["id"], _details(row)) for row in found]
            audit.write_many(tx, deeds, actor="concord", action="contract.expired")
    return len(found)


def _details(row: Row) -> dict[str, JSON]:
    return {"fields": {"status": [row["status"], Status.EXPIRED.value]}}
