"""Settings of an installation, read once from the environment. Nothing else in the house looks at it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the database is, which language people read first, and where logs go.

    ``database_url`` is a SQLAlchemy URL; the embedded default is a SQLite file in ``home``. ``postgres_programs`` is
    the folder of ``pg_dump`` and ``pg_restore``; without one they are looked for on the ``PATH``. ``state`` is where
    programs keep what lasts and is of one user (the XDG state folder). ``hosts`` are the names the REST door answers
    for (none: any), ``origins`` the addresses people reach it at (``https://…``; passkeys are bound to the host of the
    first, without one there are none), ``trusted_proxies`` the addresses whose ``X-Forwarded-For`` it believes;
    ``shows_metrics`` says that other machines may read its figures. ``webhook_networks`` are the private networks, and
    names in them, that notices may be sent to. The four of ``oidc`` name an identity provider that
    people may sign in by, ourselves as it knows us, and where it sends them back to.
    """

    home: Path
    database_url: str
    language: str = "zh"
    log_level: str = "INFO"
    workflows: Path | None = None
    key_file: Path | None = None
    passphrase_file: Path | None = None
    postgres_programs: Path | None = None
    sign_in_file: Path | None = None
    state: Path | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    shows_metrics: bool = False
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret_file: Path | None = None
    oidc_redirect: str | None = None
    webhook_networks: tuple[str, ...] = ()

    @property
    def sign_in(self) -> Path:
        """Where whoever signs in at a terminal keeps her sign-in: a file of her own, one for each installation."""
        folder = self.state or Path.home() / ".local" / "state"
        named = hashlib.sha256(str(self.home.absolute()).encode()).hexdigest()[:16]
        return self.sign_in_file or folder / "guitu" / "sign-in" / f"{named}.json"

    @property
    def root_keys(self) -> Path:
        """The key file: apart from the data, so that one can be backed up without the other."""
        return self.key_file or self.home / "keys" / "root.json"

    @property
    def auditors(self) -> Path:
        """The list of auditors, beside the key file: who can write the database alone cannot add a reader."""
        return self.root_keys.parent / "auditors.json"

    @property
    def signer(self) -> Path:
        """The folder of the signer of checkpoints, unless it is kept on another machine."""
        return self.home / "signer"

    @property
    def attachments(self) -> Path:
        """The folder of the encrypted files; it belongs to one database, and is backed up with it."""
        return self.home / "attachments"

    @staticmethod
    def from_environment(
        *, home: Path | None = None, database: str | None = None, language: str | None = None, log_level: str = "INFO"
    ) -> Settings:
        """Read the variables that begin with ``GUITU_``: each is named beside its field below.

        What is given goes before the environment; a given ``home`` brings its own database, keys and
        attachments. ``log_level`` holds where the environment says nothing.
        """
        stated = database if home is not None else database or os.environ.get("GUITU_DATABASE_URL")
        place = home or Path(os.environ.get("GUITU_HOME", Path.home() / ".guitu"))
        spoken = language or os.environ.get("GUITU_LANGUAGE", "zh")
        return Settings(
            home=place,
            database_url=stated or f"sqlite:///{place / 'guitu.db'}",
            language=spoken if spoken in ("zh", "en") else "zh",
            log_level=os.environ.get("GUITU_LOG_LEVEL", log_level),
            workflows=_path("GUITU_WORKFLOWS"),
            key_file=None if home is not None else _path("GUITU_KEY_FILE"),
            passphrase_file=_path("GUITU_PASSPHRASE_FILE"),
            postgres_programs=_path("GUITU_PG_BIN"),
            sign_in_file=_path("GUITU_SIGN_IN_FILE"),
            state=_path("XDG_STATE_HOME"),
            hosts=_listed("GUITU_HOSTS"),
            origins=_listed("GUITU_ORIGINS"),
            trusted_proxies=_listed("GUITU_TRUSTED_PROXIES"),
            shows_metrics=os.environ.get("GUITU_METRICS_OPEN", "") == "1",
            oidc_issuer=os.environ.get("GUITU_OIDC_ISSUER") or None,
            oidc_client_id=os.environ.get("GUITU_OIDC_CLIENT_ID") or None,
            oidc_client_secret_file=_path("GUITU_OIDC_CLIENT_SECRET_FILE"),
            oidc_redirect=os.environ.get("GUITU_OIDC_REDIRECT") or None,
            webhook_networks=_listed("GUITU_WEBHOOK_NETWORKS"),
        )


def _listed(name: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(one.strip() for one in os.environ.get(name, "").split(",") if one.strip())


def _path(name: str) -> Path | None:
    stated = os.environ.get(name)
    return Path(stated) if stated else None
