"""What a user sets by environment variables, all under `CONCORD_`.

Without `CONCORD_DATABASE_URL` Concord runs *embedded*: SQLite in the data folder, and a key of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from sync import keyfile
from sync.errors import ConfigurationError
from sync.services import LEASE_SECONDS
from sync.store.retention import Keep

KEY_FILE = "secret.key"
DATABASE_FILE = "concord.db"
_CENTURY = 36_500


def _default_data() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "concord"


class Settings(BaseSettings):
    """The environment, read once per process."""

    model_config = SettingsConfigDict(env_prefix="CONCORD_", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    redis_prefix: str = "concord:"
    secret_key: SecretStr | None = None
    data: Path = Field(default_factory=_default_data)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")
    web_token: SecretStr | None = Field(default=None, min_length=32)
    lease_seconds: float = Field(default=LEASE_SECONDS, ge=1, le=3_600)  # see `Services`
    api_rate: int = Field(default=100, ge=1, le=100_000)  # requests a second per key
    keep_events_days: int = Field(default=7, ge=2, le=_CENTURY)  # for these see `Keep`
    keep_jobs_days: int = Field(default=7, ge=1, le=_CENTURY)
    keep_answers_days: int = Field(default=2, ge=1, le=_CENTURY)
    keep_runs_days: int = Field(default=90, ge=0, le=_CENTURY)  # 0: for ever, as with those below
    keep_conflicts_days: int = Field(default=365, ge=0, le=_CENTURY)
    keep_audit_days: int = Field(default=730, ge=0, le=_CENTURY)

    @property
    def embedded(self) -> bool:
        """Whether everything is kept in one SQLite file on this machine."""
        return self.database_url is None or self.database_url.get_secret_value().startswith("sqlite")

    def database(self) -> str:
        """The URL of the database."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data.expanduser().absolute() / DATABASE_FILE}"

    def secret_keys(self) -> list[str]:
        """The keys that credentials are sealed with, newest first; made at first use if embedded.

        Raises:
            ConfigurationError: none is set in production.
        """
        if self.secret_key is not None:
            return [key.strip() for key in self.secret_key.get_secret_value().split(",") if key.strip()]
        if not self.embedded:
            raise ConfigurationError(
                "CONCORD_SECRET_KEY is not set; with PostgreSQL it must be.",
                cure="Set it to the output of: openssl rand -hex 32, the same on every machine.",
            )
        return keyfile.read(self.data.expanduser() / KEY_FILE)

    def keep(self) -> Keep:
        """For how long what has ended is kept."""
        return Keep(
            events=self.keep_events_days,
            jobs=self.keep_jobs_days,
            answers=self.keep_answers_days,
            runs=self.keep_runs_days or None,
            conflicts=self.keep_conflicts_days or None,
            audit=self.keep_audit_days or None,
        )

    @property
    def key_file(self) -> Path | None:
        """Where the keys are kept if they are in no variable."""
        kept = self.embedded and self.secret_key is None
        return self.data.expanduser() / KEY_FILE if kept else None


def load() -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: a variable has a value that does not fit, named without the value.
    """
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(f"CONCORD_{'_'.join(map(str, each['loc'])).upper()}" for each in error.errors())
        raise ConfigurationError(f"These settings are not valid: {names}.") from None
