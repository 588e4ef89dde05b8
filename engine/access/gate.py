"""The decision point: the policies, parsed once, and what they say to a person, an action and what it is about.

Fails closed. Cedar skips a policy that cannot be evaluated, a forbidding one too; here such a decision is a refusal,
and so is one that Cedar does not make.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from cedarpy import AuthzResult, Decision, Entities, PolicySet, Schema, is_authorized_batch

from engine.access.model import CaseFile, Circumstances, Verdict, Who
from engine.access.policy_text import Policy, Reader, Words
from engine.access.subjects import Subject, context, entities, person_uid, subject_uid, type_of
from engine.errors import PoliciesBroken

SCHEMA = "schema.cedarschema"
NOTHING_ELSE = Circumstances()
_GROUP, _DISCLOSE = "disclose", "disclose_"
READERS = "readers"
"""The attribute of a case that says who reads which class."""


class Gate:
    """The policies of an installation. Immutable, and of one hash for as long as it lives.

    ``hash`` is the SHA-256 of what ``sha256sum`` prints for the schema and every policy file, in order of their names.
    """

    def __init__(self, texts: Mapping[str, str], schema: str) -> None:
        """Raise :class:`PoliciesBroken` with everything that is amiss in these texts."""
        self._texts, self._schema_text = dict(texts), schema
        try:
            self._schema = Schema.from_str(schema)
        except ValueError as error:
            raise PoliciesBroken(f"{SCHEMA}：{error}", f"{SCHEMA}: {error}", places=[SCHEMA]) from None
        self.words = Words.of(self._schema)
        reader = Reader(self._schema, self.words)
        for name in sorted(texts):
            reader.read(name, texts[name])
        self.policies = reader.done()
        self._by_id = {policy.id: policy for policy in self.policies}
        self._parsed = reader.parsed
        self._slices: dict[tuple[str, ...], tuple[PolicySet, bool]] = {}
        self.hash = _hash_of({**self._texts, SCHEMA: schema})

    @staticmethod
    def of(texts: Mapping[str, str], schema: str) -> Gate:
        """A gate of these texts, by ``NN-chapter/file.cedar``. Raises :class:`PoliciesBroken`."""
        return Gate(texts, schema)

    @staticmethod
    def opened(folder: Path | None = None) -> Gate:
        """The gate of a folder of policies (none: those that ship). Raises :class:`PoliciesBroken`."""
        root = folder or Path(str(importlib.resources.files("policies")))
        try:
            schema = (root / SCHEMA).read_text(encoding="utf-8")
            texts = {one.relative_to(root).as_posix(): one.read_text(encoding="utf-8") for one in root.rglob("*.cedar")}
        except (OSError, UnicodeDecodeError) as error:
            raise PoliciesBroken(f"规则文件无法读取：{error}", f"the policies cannot be read: {error}") from None
        return Gate(texts, schema)

    def without(self, policy_id: str) -> Gate:
        """The same gate but for one policy. Raises :class:`KeyError` when there is no such policy."""
        policy = self._by_id[policy_id]
        name = policy.place.rpartition(":")[0]
        return Gate({**self._texts, name: self._texts[name].replace(policy.text, "")}, self._schema_text)

    # ── what there is ──

    @property
    def actions(self) -> frozenset[str]:
        """Every action that may be asked for."""
        return frozenset(self.words.actions)

    @property
    def classes(self) -> tuple[str, ...]:
        """The field classes the policies know: those that there is an action to disclose for."""
        return tuple(sorted(one.removeprefix(_DISCLOSE) for one in self.words.groups.get(_GROUP, ())))

    def policy(self, policy_id: str) -> Policy:
        """The policy of that id. Raises :class:`KeyError` when there is none."""
        return self._by_id[policy_id]

    # ── decisions ──

    def decide(self, who: Who, action: str, on: Subject, given: Circumstances = NOTHING_ELSE) -> Verdict:
        """What the policies say to this."""
        return self.judged(who, (action,), on, given)[action]

    def disclosed(self, who: Who, on: CaseFile, given: Circumstances = NOTHING_ELSE) -> Mapping[str, Verdict]:
        """What the policies say to every field class of a case."""
        asked = {f"{_DISCLOSE}{name}": name for name in self.classes}
        return {asked[action]: verdict for action, verdict in self.judged(who, asked, on, given).items()}

    def judged(
        self, who: Who, actions: Iterable[str], on: Subject, given: Circumstances = NOTHING_ELSE
    ) -> dict[str, Verdict]:
        """What the policies say to each of these actions, all by one person about one thing."""
        asked = list(actions)
        unknown = [action for action in asked if type_of(on) not in self.words.actions.get(action, ())]
        if unknown:
            return dict.fromkeys(asked, Verdict(False, fault=f"no action {unknown[0]} on {type_of(on)}"))
        try:
            policies, asks_for_readers = self._slice(tuple(asked))
            stated = entities(who, on, self.words.enums["Purpose"], self.classes if asks_for_readers else ())
            held = Entities.from_json_str(json.dumps(stated), self._schema)
            more = {"principal": person_uid(who), "resource": subject_uid(on), "context": json.dumps(context(given))}
            requests = [{"action": {"type": "Action", "id": action}, **more} for action in asked]
            results = is_authorized_batch(requests, policies, held, self._schema)
        except ValueError as error:
            return dict.fromkeys(asked, Verdict(False, fault=str(error)))
        return {action: _verdict(result) for action, result in zip(asked, results, strict=True)}

    def _slice(self, actions: tuple[str, ...]) -> tuple[PolicySet, bool]:
        """The policies about any of these actions, and whether one looks at who reads a class.

        Cedar tries every policy of a set, so a decision among those few that are about it takes half the time.
        """
        found = self._slices.get(actions)
        if found is None:
            bodies = {one.id: self._parsed[one.id] for one in self.policies if not one.actions.isdisjoint(actions)}
            text = json.dumps({"staticPolicies": bodies, "templates": {}, "templateLinks": []})
            found = self._slices[actions] = PolicySet.from_json_str(text), f'"{READERS}"' in text
        return found


def _verdict(result: AuthzResult) -> Verdict:
    errors = result.diagnostics.errors
    if errors or result.decision is Decision.NoDecision:
        return Verdict(False, fault="; ".join(errors) or "no decision")
    return Verdict(result.decision is Decision.Allow, tuple(sorted(result.diagnostics.reasons)))


def _hash_of(texts: Mapping[str, str]) -> str:
    lines = (f"{hashlib.sha256(texts[name].encode()).hexdigest()}  {name}\n" for name in sorted(texts))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
