"""What a request says to the database: every statement as text, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest

from engine.store.statements import Statement
from engine.store.wires import Wire

_ASKING = ("row", "rows", "write", "write_many")


@contextmanager
def listening() -> Iterator[list[str]]:
    """Give the list that fills with the text of every statement."""
    heard: list[str] = []

    def overheard(name: str) -> Callable[..., Any]:
        said = getattr(Wire, name)

        @wraps(said)
        def asked(self: Any, statement: Statement, *values: Any) -> Any:
            heard.append(statement.form(self._dialect).sql)
            return said(self, statement, *values)

        return asked

    with pytest.MonkeyPatch.context() as patch:
        for name in _ASKING:
            patch.setattr(Wire, name, overheard(name))
        yield heard
