"""What is done to the signer and must stand in the ledger: a change of its key, and beginning anew."""

from __future__ import annotations

from pathlib import Path

from engine.core.commands import Actor
from engine.ledger.entry import Kind
from engine.ledger.note import VerifierKey
from engine.service import signer_folder
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import permit_act
from engine.service.signer import RestartReason, refound, restarting


def is_lost(folder: Path) -> bool:
    """Whether nothing is left of a signer's folder."""
    return not folder.is_dir() or not any(folder.iterdir())


def rotate(desk: Desk, folder: Path, passphrase: str | None, actor: Actor) -> VerifierKey:
    """Make a new key; both sign until :func:`drop_old_key`. Raises what ``signer_folder.rotate_key`` raises.

    When it was made and the entry failed, the new key is there and the ledger does not tell of it: drop the old one and
    rotate again.
    """
    account = Account("signer:key", actor, Kind.KEY_EVENT)
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_signer", "administrator")
        rotated = signer_folder.rotate_key(folder, passphrase)
        account.details.update(rotated.details)
    return rotated.key


def drop_old_key(desk: Desk, folder: Path, actor: Actor) -> VerifierKey:
    """From now on only the newest key signs. Raises what ``signer_folder.drop_old_key`` raises."""
    account = Account("signer:key", actor, Kind.KEY_EVENT)
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_signer", "administrator")
        key = signer_folder.drop_old_key(folder)
        account.details["new"] = key.id.hex()
    return key


def restart(
    desk: Desk, folder: Path, reason: RestartReason, passphrase: str | None, actor: Actor
) -> dict[str, int | str]:  # fmt: skip
    """Begin anew on the ledger as it is now, under a new name, and tell the ledger so in the same commit.

    Where the folder is lost, a new key is made (``passphrase`` closes it). Gives what the ledger was told. Raises what
    :func:`engine.service.signer.restarting` and its ``rename``, or :func:`engine.service.signer.refound`, raise.
    """
    account = Account("signer:restart", actor, Kind.CONTROL)
    if is_lost(folder):
        with desk.changing(account) as work:
            permit_act(desk, account, work, "manage_signer", "administrator")
            told = refound(folder, work, passphrase)
            account.details.update(told)
        return told
    with restarting(folder, reason, passphrase) as begun, desk.changing(account) as work:
        permit_act(desk, account, work, "manage_signer", "administrator")
        told = begun.rename(work)
        account.details.update(told)
    return told
