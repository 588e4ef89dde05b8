"""``guitu bench``: starts the measurements, which live with the tests and not in the wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

from engine.errors import CommandMalformed

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.callback()(_group)
    group.command("moves", context_settings=PASS_ON)(moves)
    group.command("vault", context_settings=PASS_ON)(vault)
    group.command("ledger", context_settings=PASS_ON)(ledger)
    group.command("access", context_settings=PASS_ON)(access)
    group.command("http", context_settings=PASS_ON)(http)


def _group() -> None:
    """Measurements; only from a source checkout."""


def moves(ctx: typer.Context) -> None:
    """Moves per second beside the raw limit and other engines; options are passed on to the bench."""
    _start("moves", ctx)


def vault(ctx: typer.Context) -> None:
    """What sealing costs beside bare loops; options are passed on to the bench."""
    _start("vault", ctx)


def ledger(ctx: typer.Context) -> None:
    """What the ledger takes from daily work, and how quickly it is verified; options are passed on to the bench."""
    _start("ledger", ctx)


def access(ctx: typer.Context) -> None:
    """What asking who may do and see what costs, in decisions, lists and moves; options are passed on to the bench."""
    _start("access", ctx)


def http(ctx: typer.Context) -> None:
    """What the REST door costs, and how many it serves at once; options are passed on to the bench."""
    _start("http", ctx)


def _start(bench: str, ctx: typer.Context) -> None:
    root = Path(__file__).resolve().parents[1]
    if not (root / "tests" / "bench").is_dir():
        raise CommandMalformed(
            "性能测试只能在源码目录中运行（安装包不含 tests/bench）",
            "benches run from a source checkout: this installation has no tests/bench",
        )
    done = subprocess.run([sys.executable, "-m", f"tests.bench.{bench}", *ctx.args], cwd=root, check=False)
    raise typer.Exit(done.returncode)
