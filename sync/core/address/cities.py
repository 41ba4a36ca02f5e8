"""Cities: when two names are one city."""

from __future__ import annotations

from functools import cache, lru_cache

from sync.core.address.countries import country_code, name_key
from sync.core.address.lexicon import Kind
from sync.core.address.names import Likeness, compare_names
from sync.core.address.place import Place
from sync.core.address.postal import names_a_street
from sync.core.address.regions import region_code
from sync.core.address.tables import listed, read_text
from sync.core.address.verdict import ComponentVerdict as V
from sync.core.address.words import Word, Words, text_of


@cache
def _blocks() -> dict[str, list[str]]:
    """The rows of the table of cities, by country."""
    blocks: dict[str, list[str]] = {}
    for line in (*read_text("cities.tsv").splitlines(), *read_text("city_names.tsv").splitlines()):
        country, _, names = line.partition("\t")
        if names:
            blocks.setdefault(country, []).append(names)
    return blocks


@cache
def _numbers_of(country: str) -> dict[str, tuple[int, ...]]:
    """Every name of a city of `country` → the cities that bear it, as numbers."""
    numbers: dict[str, tuple[int, ...]] = {}
    for number, names in enumerate(_blocks().get(country, ())):
        for name in names.split("|"):
            numbers[name] = (*numbers.get(name, ()), number)
    return numbers


@lru_cache(maxsize=8192)
def _bearers(words: Words, country: str) -> frozenset[int]:
    """The cities of `country` that `words` may name."""
    numbers = _numbers_of(country)
    affixes = listed("city_affixes")
    bare = "".join(
        word.text
        for word in words
        if len(word.text) > 1 and word.text not in affixes and not word.text[0].isdigit()
    )
    full = "".join(word.text for word in words)
    found = {number for name in (full, bare, bare.removesuffix("市")) for number in numbers.get(name, ())}
    return frozenset(found)


def _same_elsewhere(left: Place, right: Place, country: str | None) -> bool:
    """Whether the two names are one city's in two languages: Dresden, Drážďany."""
    if country is None:
        return False
    return any(
        not _bearers(a, country).isdisjoint(_bearers(b, country)) for a in left.cities for b in right.cities
    )


def _likeness(left: Words, right: Words) -> Likeness:
    """As `compare_names`, but New York City is New York, and Praha 5 Praha."""
    names = compare_names(left, right)
    if names.likeness in (Likeness.SAME, Likeness.SPELLING, Likeness.TYPO):
        return names.likeness
    affixes = listed("city_affixes")
    more = names.left_only + names.right_only
    one_sided = not (names.left_only and names.right_only) and len(more) < max(len(left), len(right))
    if one_sided and all(_is_affix(word, affixes) for word in more):
        return Likeness.SPELLING
    return max(names.likeness, Likeness.MORE)  # West Hollywood is not Hollywood


def _is_affix(word: Word, affixes: frozenset[str]) -> bool:
    """Whether a word may be left out of a city's name."""
    short = word.text[0].isdigit() or len(word.text) == 1
    return short or word.text in affixes or word.only(Kind.STOP, Kind.TITLE)


def same_city(left: Place, right: Place, *, same_postal: bool, tolerant: bool) -> tuple[V, str]:
    """The verdict over the cities of two places that both name one."""
    country = left.country or right.country
    best = min(_likeness(a, b) for a in left.cities for b in right.cities)
    if best > Likeness.SPELLING and (left.extras or right.extras):
        elsewhere = (_likeness(a, b) for a in left.cities for b in right.extras)
        mirrored = (_likeness(a, b) for a in left.extras for b in right.cities)
        best = min([best, *elsewhere, *mirrored])
    if best is Likeness.SAME:
        return V.SAME, "The same city."
    if best is Likeness.SPELLING:
        return V.SPELLING, "The same city, spelled another way."
    if _is_city_state(left, right, country):
        return V.SPELLING, "One side names the whole city, the other a part of it."
    if _same_elsewhere(left, right, country):
        return V.SPELLING, "The same city in another language."
    if best is Likeness.TYPO and tolerant:
        return V.TYPO, "The same city but for a slip in its spelling."
    guessed = left.city_guessed or right.city_guessed
    if same_postal and (tolerant or guessed or names_a_street(left.postal, country)):
        return V.SPELLING, "Another name, but the same postal code."
    if best is Likeness.MORE and (same_postal or guessed):
        return V.SPELLING, "One side has more of the city's name."
    return V.DIFFERENT, "Different cities."


def _is_city_state(left: Place, right: Place, country: str | None) -> bool:
    """Whether one side names the country for its city, or an emirate: Kowloon, Hong Kong."""
    if country in listed("city_regions"):
        sides = ((left, right), (right, left))
        return any(_names_region(place, other, country) for place, other in sides)
    if country not in listed("city_states"):
        return False
    if left.city_guessed or right.city_guessed:
        return True
    return any(country_code(text_of(place.cities[0])) == country for place in (left, right))


def _names_region(place: Place, other: Place, country: str | None) -> bool:
    """Whether the city of one side is the region of the other: Lagos; Victoria Island, Lagos."""
    if not other.region_key:
        return False
    names = [text_of(words) for words in place.cities]
    return name_key(other.region) in names or any(
        region_code(name, country) == other.region_key for name in names
    )
