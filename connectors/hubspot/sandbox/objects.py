"""The calls on single companies, the listing, the search and the merge."""

from __future__ import annotations

from urllib.parse import urlencode

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.call import Answer, Call, View
from connectors.hubspot.sandbox.company import Company
from connectors.hubspot.sandbox.errors import invalid, not_found, properties_refused, required_fields
from connectors.hubspot.sandbox.query import parse
from connectors.hubspot.sandbox.search import run

PAGE, PAGE_LIMIT, HISTORY_LIMIT = 10, 100, 50


def list_companies(account: Account, call: Call) -> Answer:
    """A page of all companies by id; the page after it starts behind its last id."""
    history = call.names("propertiesWithHistory")
    most = HISTORY_LIMIT if history else PAGE_LIMIT
    limit = _whole(call, "limit", PAGE)
    if not 1 <= limit <= most:
        raise invalid(f"Invalid limit {limit}. The limit must be between 1 and {most}.")
    after = _whole(call, "after", 0)
    found = account.store.page(after, limit + 1, archived=call.archived)
    view = View(account.store.schema, account.portal_id, call.names("properties"), history)
    body: dict[str, object] = {"results": [view.read(company) for company in found[:limit]]}
    if len(found) > limit:
        after = found[limit - 1].id
        query = [(name, each) for name, given in call.query.items() if name != "after" for each in given]
        link = f"{call.url}?{urlencode([*query, ('after', after)])}"
        body["paging"] = {"next": {"after": str(after), "link": link}}
    return Answer(200, body)


def read_company(account: Account, call: Call) -> Answer:
    """One company by id (an id from before a merge too), or by a unique property."""
    company = _find(account, call)
    history = call.names("propertiesWithHistory")
    view = View(account.store.schema, account.portal_id, call.names("properties"), history)
    return Answer(200, view.read(company))


def create_company(account: Account, call: Call) -> Answer:
    """A new company."""
    given = call.properties()
    company = account.create(given, account.api)
    view = View(account.store.schema, account.portal_id, ())
    return Answer(201, view.written(company, given))


def update_company(account: Account, call: Call) -> Answer:
    """Set properties of one company."""
    given = call.properties()
    company = _find(account, call)
    if not given:
        raise invalid("No properties found to update, please provide at least one.")
    values, errors = account.check(given, company)
    if errors:
        raise properties_refused(errors, account.portal_id)
    account.change(company, values, account.api, account.clock.now())
    view = View(account.store.schema, account.portal_id, ())
    return Answer(200, view.written(company, given))


def delete_company(account: Account, call: Call) -> Answer:
    """Put a company in the recycle bin; one that is not there is no error."""
    if company := account.store.find(call.ref):
        archive(account, company)
    return Answer(204)


def archive(account: Account, company: Company) -> None:
    """Put a company in the recycle bin, through the API."""
    account.writes += 1
    account.store.archive(company, account.api, account.clock.now())


def merge_companies(account: Account, call: Call) -> Answer:
    """Make one new record of two."""
    refs = [str(call.body.get(name) or "") for name in ("primaryObjectId", "objectIdToMerge")]
    if not all(refs):
        raise required_fields("primaryObjectId", "objectIdToMerge")
    found = [account.store.find(ref) for ref in refs]
    for ref, company in zip(refs, found, strict=True):
        if company is None:
            raise not_found(ref)
    primary, other = found
    if primary is None or other is None or primary is other:
        raise invalid("A company cannot be merged with itself.", context={"ids": refs})
    account.writes += 1
    merged = account.store.merge(primary, other, account.api, account.clock.now())
    return Answer(200, View(account.store.schema, account.portal_id, ()).read(merged))


def search_companies(account: Account, call: Call) -> Answer:
    """A search, which sees what the index has seen."""
    search = parse(account.store.schema, call.body, call.size)
    found = run(account.index, search)
    view = View(account.store.schema, account.portal_id, search.properties)
    companies = (Company(each.id, each.created, each.modified, each.values) for each in found.documents)
    body: dict[str, object] = {"total": found.total, "results": [view.read(each) for each in companies]}
    after = search.after + search.limit
    if after < found.total:
        body["paging"] = {"next": {"after": str(after)}}
    return Answer(200, body)


def unique_property(account: Account, name: str) -> str:
    """The name, if it is of a property with unique values.

    Raises:
        Refusal: it is not, and cannot be used as `idProperty`.
    """
    definition = account.store.schema.get(name)
    if definition is None or not definition.unique:
        raise invalid(f'Property "{name}" is not a unique property and cannot be used as idProperty.')
    return name


def _find(account: Account, call: Call) -> Company:
    id_property = call.query.get("idProperty", [""])[-1]
    if id_property and id_property != "hs_object_id":
        company = account.store.find_by(unique_property(account, id_property), call.ref)
    else:
        company = account.store.find(call.ref, archived=call.archived)
    if company is None:
        raise not_found(call.ref)
    return company


def _whole(call: Call, name: str, default: int) -> int:
    given = call.query.get(name)
    if not given:
        return default
    if not given[-1].isdecimal():
        raise invalid(f"Invalid value {given[-1]!r} for parameter {name}.")
    return int(given[-1])
