"""A caseworker's day by the generated client: typed from the sign-in to the file. Runs in the client's environment.

Called with the address of the site and a ticket; whatever is not as it should be ends it with an error.
"""

from __future__ import annotations

import io
import sys

from guitu_client import AuthenticatedClient, Client  # type: ignore[import-not-found]
from guitu_client.api.cases import list_moves, move, open_case  # type: ignore[import-not-found]
from guitu_client.api.documents import attach_file, list_files, read_file  # type: ignore[import-not-found]
from guitu_client.api.sign_in import sign_in_with_ticket  # type: ignore[import-not-found]
from guitu_client.api.worklists import show_worklist  # type: ignore[import-not-found]
from guitu_client.models import (  # type: ignore[import-not-found]
    AnswerShown,
    FilesShown,
    MoveCommand,
    MoveCommandFacts,
    MovesShown,
    OpenCaseCommand,
    OpenCaseCommandFacts,
    OpenedShown,
    Problem,
    SignedInShown,
    TicketShownIn,
    WorklistShown,
)
from guitu_client.types import UNSET, File, Unset  # type: ignore[import-not-found]

MORE_THAN_A_PAGE = 51
CONTENT = "情况说明。".encode()


def signed_in(site: str, ticket: str) -> AuthenticatedClient:
    """Sign in with a ticket; the same one is good once."""
    nobody = Client(base_url=site, raise_on_unexpected_status=True, headers={"Accept-Language": "en"})
    begun = sign_in_with_ticket.sync(client=nobody, body=TicketShownIn(ticket=ticket))
    assert isinstance(begun, SignedInShown), begun
    assert isinstance(begun.token, str)
    again = sign_in_with_ticket.sync(client=nobody, body=TicketShownIn(ticket=ticket))
    assert isinstance(again, Problem), again
    assert (again.status, again.code) == (401, "sign_in_failed")
    return AuthenticatedClient(
        base_url=site, token=begun.token, raise_on_unexpected_status=True, headers={"Accept-Language": "en"}
    )


def opened(client: AuthenticatedClient) -> str:
    """Open the record of a child."""
    facts = OpenCaseCommandFacts()
    facts.additional_properties = {
        "intake.route": "police_lead", "victim.suspected_trafficked": True, "victim.is_child": True,
    }  # fmt: skip
    made = open_case.sync(client=client, body=OpenCaseCommand(area="350102", facts=facts))
    assert isinstance(made, OpenedShown), made
    return str(made.case)


def moved(client: AuthenticatedClient, case: str) -> None:
    """Look which moves there are, make one, and be refused another with every reason."""
    listed = list_moves.sync(case, client=client, explain=True)
    assert isinstance(listed, MovesShown), listed
    assert {"verify", "record_rescue"} <= {one.move for one in listed.moves}
    refused = move.sync(case, "rescue", client=client, body=MoveCommand(move="record_rescue"))
    assert isinstance(refused, Problem), refused
    assert (refused.status, refused.code) == (422, "conditions_unmet")
    assert not isinstance(refused.reasons, Unset)
    assert len(refused.reasons) > 1
    assert all(one.code and one.message and one.provenance for one in refused.reasons)
    facts = MoveCommandFacts()
    facts.additional_properties = {"lead.summary": "a child whom nobody knows"}
    done = move.sync(case, "rescue", client=client, body=MoveCommand(move="verify", facts=facts), if_match='"1"')
    assert isinstance(done, AnswerShown), done
    late = move.sync(case, "rescue", client=client, body=MoveCommand(move="verify"), if_match='"1"')
    assert isinstance(late, Problem), late
    assert (late.status, late.code, late.revision) == (412, "stale_revision", done.revision)


def paged(client: AuthenticatedClient) -> list[str]:
    """Everything the unit holds, page after page."""
    found: list[str] = []
    after: str | Unset = UNSET
    while True:
        page = show_worklist.sync(client=client, after=after)
        assert isinstance(page, WorklistShown), page
        found += [one.case for one in page.items]
        if not isinstance(page.next_, str):
            return found
        after = page.next_


def filed(client: AuthenticatedClient, case: str) -> None:
    """Add a file, list it, and read it as it was."""
    named = "attachment; filename*=UTF-8''%E8%AF%B4%E6%98%8E.txt"
    added = attach_file.sync(case, client=client, body=File(payload=io.BytesIO(CONTENT)), content_disposition=named)
    assert isinstance(added, AnswerShown), added
    listed = list_files.sync(case, client=client)
    assert isinstance(listed, FilesShown), listed
    (one,) = listed.items
    assert (one.name, one.size) == ("说明.txt", len(CONTENT))
    read = read_file.sync(case, one.attachment, client=client)
    assert isinstance(read, File), read
    assert read.payload.read() == CONTENT


def main(site: str, ticket: str) -> None:
    """The whole day."""
    client = signed_in(site, ticket)
    cases = [opened(client) for _ in range(MORE_THAN_A_PAGE)]
    moved(client, cases[0])
    assert set(paged(client)) == set(cases)
    filed(client, cases[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
