"""The same case as a BPMN engine does it: SpiffWorkflow, loaded, advanced by one task, serialised and stored.

Ten lanes between two parallel gateways, as many user tasks on each as the script has acts there, sixty in all.
Per task: read the stored workflow (``FOR UPDATE`` on PostgreSQL), deserialise, complete the next task of the
script with its form data, run the engine's steps, serialise, store, one commit with the same durability.

SpiffWorkflow is LGPL-3.0. It is a requirement of the bench alone and is never shipped.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.serializer.workflow import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from engine.store.database import engine_for
from engine.vault.pseudonym import new_pseudonym
from tests.bench.crew import Job, Move
from tests.bench.procedure import BENCH, OPENING, RULES

TRACKS = tuple(RULES.definition.tracks)
_BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"


LANES = [act.track for act in BENCH.script]


def bpmn() -> str:
    """The process as BPMN 2.0."""
    tasks: list[str] = []
    flows: list[tuple[str, str]] = [("start", "fork"), ("join", "end")]
    for track in TRACKS:
        here = "fork"
        for number in range(LANES.count(track)):
            task = f"{track}_{number}"
            tasks.append(f'<bpmn:userTask id="{task}" name="{task}"/>')
            flows.append((here, task))
            here = task
        flows.append((here, "join"))
    lines = [f'<bpmn:sequenceFlow id="{one}__{two}" sourceRef="{one}" targetRef="{two}"/>' for one, two in flows]
    nodes = (
        '<bpmn:startEvent id="start"/><bpmn:parallelGateway id="fork"/>'
        '<bpmn:parallelGateway id="join"/><bpmn:endEvent id="end"/>'
    )
    body = _with_flows(nodes + "".join(tasks), flows) + "".join(lines)
    return (
        f'<bpmn:definitions xmlns:bpmn="{_BPMN}" id="d" targetNamespace="http://bpmn.io/schema/bpmn">'
        f'<bpmn:process id="case" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
    )


def _with_flows(nodes: str, flows: list[tuple[str, str]]) -> str:
    """Write into each node what comes in and what goes out."""

    def filled(found: re.Match[str]) -> str:
        tag, attributes, name = found["tag"], found["attributes"], found["name"]
        ends = [f"<bpmn:incoming>{one}__{two}</bpmn:incoming>" for one, two in flows if two == name]
        ends += [f"<bpmn:outgoing>{one}__{two}</bpmn:outgoing>" for one, two in flows if one == name]
        return f"<{tag} {attributes}>{''.join(ends)}</{tag}>"

    return re.sub(r'<(?P<tag>[\w:]+) (?P<attributes>id="(?P<name>\w+)"[^/]*)/>', filled, nodes)


def create_tables(url: str) -> None:
    """Make the one table of this version in an empty database."""
    engine = engine_for(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE spiff_case (id varchar PRIMARY KEY, workflow text NOT NULL)")
    engine.dispose()


def spiff_job(url: str, cases: int) -> Job:
    """Each writer walks its own cases in turn, like the engine's job."""
    return partial(_job, url, cases)


@contextmanager
def _job(url: str, cases: int, number: int) -> Iterator[list[Move]]:
    parser = BpmnParser()
    parser.add_bpmn_str(bpmn().encode())
    spec, serializer = parser.get_spec("case"), BpmnWorkflowSerializer()
    engine = engine_for(url)
    pooled = engine.raw_connection()
    execute: Any = getattr(pooled.driver_connection, "execute")  # noqa: B009 - of either driver
    mark, lock = ("?", "") if engine.dialect.name == "sqlite" else ("%s", " FOR UPDATE")
    files = []
    for _ in range(cases):
        workflow = BpmnWorkflow(spec)
        workflow.data.update(OPENING)
        workflow.do_engine_steps()
        files.append(new_pseudonym())
        stored = (files[-1], serializer.serialize_json(workflow))
        execute(f"INSERT INTO spiff_case VALUES ({mark}, {mark})", stored)
    read = f"SELECT workflow FROM spiff_case WHERE id = {mark}{lock}"
    write = f"UPDATE spiff_case SET workflow = {mark} WHERE id = {mark}"
    begin = "BEGIN IMMEDIATE" if mark == "?" else "BEGIN"

    def advance(case: str, act: int) -> None:
        execute(begin)
        workflow = serializer.deserialize_json(execute(read, (case,)).fetchone()[0])
        ready = workflow.get_tasks(state=TaskState.READY)
        task = next(one for one in ready if one.task_spec.name.startswith(LANES[act]))
        task.data.update(getattr(BENCH.script[act].command, "facts", {}))
        task.run()
        workflow.do_engine_steps()
        execute(write, (serializer.serialize_json(workflow), case))
        execute("COMMIT")

    todo: list[Move] = []
    for act in range(len(BENCH.script)):
        todo += [partial(advance, case, act) for case in random.sample(files, len(files))]
    yield todo
    pooled.close()
    engine.dispose()
