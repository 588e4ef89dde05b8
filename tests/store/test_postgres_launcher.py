"""The launcher of the throw-away PostgreSQL keeps its promises."""

from __future__ import annotations

import os

import psycopg
import pytest

from tests.postgres import APP, OWNER, PostgresServer


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_server_is_release_18_and_listens_on_loopback_only(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        assert connection.info.server_version // 10_000 == 18
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


def test_the_server_refuses_a_connection_without_its_password(postgres_server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=postgres_server.port, user="postgres", dbname="postgres")


def test_neither_role_is_superuser_nor_passes_row_security(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles"
            " WHERE rolname LIKE 'guitu%' ORDER BY rolname"
        ).fetchall()
    assert rows == [(APP, False, False, False, False), (OWNER, False, False, False, False)]


def test_the_app_role_may_log_in_but_makes_no_tables(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("roles")
    with postgres_server.connect("roles", OWNER) as connection:
        connection.execute("CREATE TABLE owned (id int)")
    with postgres_server.connect("roles", APP) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM owned")
    postgres_server.drop_database("roles")


def test_a_database_can_be_copied_from_a_template(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("original")
    with postgres_server.connect("original", OWNER) as connection:
        connection.execute("CREATE TABLE word (text text)")
    postgres_server.create_database("copied", template="original")
    with postgres_server.connect("copied", OWNER) as connection:
        assert connection.execute("SELECT count(*) FROM word").fetchone() == (0,)
    postgres_server.drop_database("copied")
    postgres_server.drop_database("original")


def test_both_urls_open_the_same_server(postgres_server: PostgresServer) -> None:
    for over_socket in (False, True):
        url = postgres_server.url("postgres", APP, over_socket=over_socket).replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (APP,)


def test_nothing_is_left_after_exit() -> None:
    with PostgresServer(durable=True) as server:
        folder, process = server.folder, server._process
        assert folder is not None
        assert folder.exists()
        assert process is not None
        with server.connect() as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
    assert not folder.exists()
    assert not _is_alive(process.pid)


def test_a_forked_child_that_ends_leaves_the_server_running(postgres_server: PostgresServer) -> None:
    child = os.fork()
    if child == 0:
        try:
            postgres_server.stop()  # what atexit would do
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with postgres_server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
