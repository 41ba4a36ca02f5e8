"""Sealed credentials open for their own connection only, with any key that is still known."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from sync.errors import ConfigurationError
from sync.settings import Settings
from sync.store.seal import Seal
from tests.store.together import together

OLD, NEW = "o" * 32, "n" * 40
HERE = {"organisation_id": "a" * 32, "connection_id": "b" * 32}


def production(key: str | None) -> Settings:
    return Settings(
        database_url=SecretStr("postgresql://db.example/concord"),
        secret_key=None if key is None else SecretStr(key),
    )


def embedded(folder: Path) -> Settings:
    return Settings(data=folder, database_url=None, secret_key=None)


@given(st.dictionaries(st.text(max_size=8), st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_what_is_sealed_opens_and_does_not_show(secrets: dict[str, str]) -> None:
    secrets = {name.encode(errors="replace").decode(): value for name, value in secrets.items()}
    sealed = Seal([OLD]).close(secrets, **HERE)
    assert Seal([OLD]).open(sealed, **HERE) == secrets
    assert not any(len(value) > 5 and value in sealed for value in secrets.values())


@pytest.mark.parametrize("other", ["organisation_id", "connection_id"])
def test_a_copy_does_not_open_elsewhere(other: str) -> None:
    sealed = Seal([OLD]).close({"token": "t"}, **HERE)
    with pytest.raises(ConfigurationError, match="another connection"):
        Seal([OLD]).open(sealed, **{**HERE, other: "c" * 32})


def test_keys_rotate_newest_first() -> None:
    before = Seal([OLD]).close({"token": "t"}, **HERE)
    both = Seal(production(f"{NEW}, {OLD}").secret_keys())
    assert both.open(before, **HERE) == {"token": "t"}
    after = both.close({"token": "t"}, **HERE)
    assert Seal([NEW]).open(after, **HERE) == {"token": "t"}
    for sealed, keys in ((after, [OLD]), (before, [NEW])):
        with pytest.raises(ConfigurationError, match="cannot be opened") as caught:
            Seal(keys).open(sealed, **HERE)
        assert keys[0] not in str(caught.value)


@pytest.mark.parametrize("harm", [lambda s: s[:-4] + "AAA=", lambda s: s[:40], lambda s: "", lambda s: "ü"])
def test_a_damaged_value_is_refused(harm: object) -> None:
    sealed = Seal([OLD]).close({"token": "t"}, **HERE)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        Seal([OLD]).open(harm(sealed), **HERE)  # type: ignore[operator]


@pytest.mark.parametrize(("keys", "named"), [("short", "Key 1"), (f"{NEW},short", "Key 2"), (" , ", "is ")])
def test_a_key_that_is_too_short_is_named_and_not_shown(keys: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{named}.*shorter than 32") as caught:
        Seal(production(keys).secret_keys())
    assert "short," not in str(caught.value)
    assert NEW not in str(caught.value)


def test_production_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="CONCORD_SECRET_KEY is not set"):
        production(None).secret_keys()


def test_an_embedded_installation_makes_one_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (key,) = embedded(folder).secret_keys()
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(key) >= 32
    assert embedded(folder).secret_keys() == [key]
    assert embedded(tmp_path / "other").secret_keys() != [key]


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    for turn in range(20):
        settings = embedded(tmp_path / str(turn))
        found = together(4, lambda _number, settings=settings: settings.secret_keys()[0])  # type: ignore[misc]
        assert len(set(found)) == 1
        assert len(found[0]) >= 32
        assert len(list((tmp_path / str(turn)).iterdir())) == 1


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(production(NEW)) + str(production(NEW).model_dump())
    assert NEW not in shown
    assert "db.example" not in shown
