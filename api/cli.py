"""The command line: ``guitu``. It turns words into commands and answers into words; no rule lives here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from api import (
    access_commands,
    admin_commands,
    attachment_commands,
    audit_commands,
    backup,
    bench,
    case_acts,
    case_records,
    case_views,
    definition_commands,
    demo,
    demo_serving,
    emergency_commands,
    erasure_commands,
    factor_commands,
    identity_commands,
    installation_commands,
    key_commands,
    lead_commands,
    notice_commands,
    openapi_command,
    people_commands,
    release_commands,
    serve_command,
    sign_in_commands,
    signer_commands,
    ticket_commands,
    token_commands,
    webhook_commands,
    worker_commands,
)
from api.passphrase import PassphraseFd
from api.refusals import tell, tell_unexpected
from api.speech import Speech
from api.world import World
from engine import bootstrap
from engine.errors import GuituError


class House(TyperGroup):
    """The root command, and the error page of everything below it."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error of the house becomes words and an exit code."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except GuituError as error:
            raise typer.Exit(tell(_speech(ctx), error)) from None
        except Exception as error:
            raise typer.Exit(tell_unexpected(_speech(ctx), error)) from None


def _speech(ctx: Any) -> Speech:
    return ctx.obj.speech if isinstance(ctx.obj, World) else Speech()


def _group(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


app = typer.Typer(
    cls=House, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False,
    help="Guitu (归途): the handling of rescued trafficking victims, held to the printed procedures.",
)  # fmt: skip


@app.callback()
def root(
    ctx: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="The installation's folder (GUITU_HOME).")
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="Its database (GUITU_DATABASE_URL).")
    ] = None,
    language: Annotated[
        Literal["zh", "en"] | None, typer.Option("--language", help="The language of answers (GUITU_LANGUAGE).")
    ] = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Point the command at a world. Its keys are opened with the passphrase in GUITU_PASSPHRASE_FILE, or asked for."""
    world = World(home, database, language, passphrase_fd)
    world.speech.language = bootstrap.settings(language=language).language
    ctx.obj = world
    ctx.call_on_close(world.close)


@app.command("demo")
def play_demo(
    ctx: typer.Context, *,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where the demo world is made anew.")] = Path(
        "demo-world"
    ),
    language: Annotated[Literal["zh", "en"] | None, typer.Option("--language", help="The language to tell in.")] = None,
    story: Annotated[
        list[str] | None, typer.Option("--story", metavar="NAME", help="Only this scenario; may be given many times.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Then serve the world at this machine until Ctrl-C.")] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Where, or the next that is free; 0 for any.")
    ] = demo_serving.PORT,
    as_json: demo.Json = False,
) -> None:  # fmt: skip
    """Play the demo stories in a fresh world of its own: what is done, handed over, refused and why, to the archive."""
    world = World.of(ctx)
    world.speech.language = language or world.speech.language
    demo.play(world, folder, story or [], port if serve else None)


app.command("worklist")(case_views.worklist)
app.command("stalled")(case_views.stalled)
worker_commands.register(app)
serve_command.register(app)
openapi_command.register(app)
app.command("doctor")(installation_commands.doctor)
sign_in_commands.register(app)
factors = _group("How you sign in beside your password: add, list, remove.")
factor_commands.register(app, factors)
one_time = _group("One-time sign-ins for whoever has no second factor yet: issue.")
recoveries = _group("Giving a sign-in back to whoever lost her second factor: ask, approve, stop, complete, list.")
ticket_commands.register(one_time, recoveries)
definitions = _group("The rule books: list, show, check, coverage, schema; and their release in an installation.")
definition_commands.register(definitions)
approver = _group("Who approves definitions here: add, list, revoke.")
release_commands.register(definitions, approver)
definitions.add_typer(approver, name="approver")
keys = _group("The keys of the vault: init, status, rotate.")
key_commands.register(keys)
identity = _group("Who the persons of a case are: record, search; request, approve and reveal what was sealed.")
identity_commands.register(identity)
erasure = _group("Erasing a case and keeping one from it: request, approve, erase, hold, release, certificate.")
erasure_commands.register(erasure)
emergencies = _group("Breaking the glass over a case in an emergency: open, list, review.")
emergency_commands.register(emergencies)
notice = _group("What you are to be told: list.")
notice_commands.register(notice)
webhook = _group("Your unit's own system is told what the unit is told: add, list, rotate, end, test.")
webhook_commands.register(webhook)
case = _group("Cases: open, look, move, hand over, close.")
case_acts.register(case)
case_records.register(case)
attachment_commands.register(case)
case_views.register(case)
lead = _group("Leads: report, receipt, list, show, accept, pass, close, reward, rules.")
lead_commands.register(lead, case)
database_group = _group("The database.")
directory = _group("The unit directory.")
parameter = _group("Local settings of what a document leaves open.")
installation_commands.register(database_group, directory, parameter)
administration = _group("The first administrator of an installation: init.")
admin_commands.register(administration)
people = _group("Who may act here: add, grant, end, deputy, move, deactivate, list.")
people_commands.register(people)
service_tokens = _group("What registered services are known by: issue, rotate, revoke, list.")
accounts = _group("Whose account of the identity provider is which person: link, unlink, list.")
token_commands.register(service_tokens, accounts)
backups = _group("Backups of an installation: create, verify, restore; the keys are kept apart.")
backup.register(backups)
audit = _group("The audit ledger: keys of auditors, export, and verifying it without this program.")
audit_commands.register(audit)
signers = _group("The signer of checkpoints: init, run, status, rotate, restart, timestamp.")
signer_commands.register(signers)
benches = _group("Measurements; only from a source checkout.")
bench.register(benches)
access = _group("Who may do and see what: explain a decision.")
access_commands.register(access)
for name, group in (
    ("access", access),
    ("definitions", definitions), ("case", case), ("identity", identity), ("keys", keys), ("erasure", erasure),
    ("emergency", emergencies), ("notice", notice),
    ("db", database_group), ("directory", directory), ("parameter", parameter), ("backup", backups),
    ("admin", administration), ("people", people), ("token", service_tokens), ("provider", accounts),
    ("audit", audit), ("signer", signers), ("bench", benches),
    ("factor", factors), ("ticket", one_time), ("recovery", recoveries),
    ("webhook", webhook), ("lead", lead),
):  # fmt: skip
    app.add_typer(group, name=name)


def main() -> None:
    """The console script ``guitu``."""
    app(prog_name="guitu")
