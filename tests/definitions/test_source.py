"""The authoring format can say everything a definition holds, and nothing else."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from engine.core import definition as core
from engine.definitions import source

DERIVED = {"joint_leads", "cooperating", "printed_responsible", "printed_cooperating"}
WRITTEN_AS = {"responsible": "by", "source": "from"}


@pytest.mark.parametrize(
    ("held", "written", "derived"),
    [
        (core.Fact, source.FactSource, set()),
        (core.Document, source.DocumentSource, set()),
        (core.Consent, source.ConsentSource, set()),
        (core.Parameter, source.ParameterSource, {"source"}),
        (core.Requirement, source.RequirementSource, set()),
        (core.Step, source.StepSource, DERIVED),
        (core.Move, source.MoveSource, set()),
        (core.Opening, source.OpensSource, set()),
        (core.Track, source.TrackSource, set()),
        (core.Duty, source.DutySource, DERIVED),
        (core.Prohibition, source.ProhibitionSource, set()),
        (core.Closing, source.ClosingSource, set()),
        (core.Listed, source.ListedSource, set()),
        (core.Definition, source.JurisdictionFile, {"sources"}),
    ],
)
def test_an_author_can_write_every_field_that_is_not_derived(
    held: type[BaseModel], written: type[BaseModel], derived: set[str]
) -> None:
    wanted = {WRITTEN_AS.get(name, name) for name in held.model_fields if name not in derived}
    if held is core.Parameter:
        wanted.discard("from")
    assert keys(written) - {"use", "document"} == wanted - {"document"}


def keys(model: type[BaseModel]) -> set[str]:
    """The keys as they are written."""
    return {field.alias or name for name, field in model.model_fields.items()}


def test_the_schema_is_json_and_knows_every_kind_of_file() -> None:
    schema = json.loads(json.dumps(source.json_schema()))
    roots = {root["$ref"].rsplit("/", 1)[1] for root in schema["anyOf"]}
    assert roots == {"JurisdictionFile", "TrackTemplate", "SharedTemplates", "Inventory"}
    assert schema["$defs"]["MoveSource"]["additionalProperties"] is False
    assert "from" in schema["$defs"]["MoveSource"]["properties"]
