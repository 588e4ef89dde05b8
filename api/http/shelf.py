"""The rule books as they lie in the files of this process: what the REST door shows and releases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from engine import bootstrap
from engine.bootstrap import Library

_LOADING = Lock()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every definition that is loaded, and the folder they lie in (none: those that ship)."""

    library: Library
    root: Path | None


def shelf_of(request: Request) -> Shelf:
    """The shelf of this application: the one it was given (``app.state.shelf``), else that of the environment.

    It is loaded once, when somebody first asks for it. Raises :class:`DefinitionBroken`.
    """
    with _LOADING:
        found = getattr(request.app.state, "shelf", None)
        if found is None:
            root = bootstrap.settings().workflows
            found = request.app.state.shelf = Shelf(bootstrap.library(root), root)
    assert isinstance(found, Shelf), "the application keeps nothing else there"
    return found


TheShelf = Annotated[Shelf, Depends(shelf_of)]
