"""One jurisdiction's file and the templates it uses, made into the one definition the engine decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine.core.definition import Definition
from engine.definitions.basis import Bases, cited, lead_provenance, printed_units
from engine.definitions.finding import Findings, Where, one_of
from engine.definitions.inventory import Inventory
from engine.definitions.reading import Tree
from engine.definitions.shape import report
from engine.definitions.source import JurisdictionFile
from engine.definitions.templates import VOCABULARY, Templates, lay
from engine.definitions.uses import used_names

Raw = dict[str, Any]
_HEADER = ("id", "version", "status", "jurisdiction", "title", "effective", "units", "openers", "decline_reasons")


@dataclass(frozen=True, slots=True)
class Flat:
    """A flattened definition and the laid tree it came from, which knows every place.

    ``whole`` still has the vocabulary that nothing uses: what could have been meant.
    """

    definition: Definition
    whole: Definition
    tree: Tree


def flatten(file: Tree, templates: Templates, inventories: Mapping[str, Inventory], findings: Findings) -> Flat | None:
    """Flatten a file that passed its authoring model; ``None`` when something is missing, with findings."""
    tree = lay(file, templates, findings)
    if tree is None:
        return None
    raw = tree.plain()
    inventory = inventories.get(raw["document"])
    if inventory is None:
        wrong = (f"没有文件“{raw['document']}”的条款清单。", f"There is no inventory of `{raw['document']}`.")
        findings.add(tree.place_of(("document",)), "unknown_document", ("document",), wrong, _known(raw, inventories))
        return None
    body = _Builder(Bases(inventory, tree, findings), raw).body()
    try:
        definition = Definition.model_validate(body)
    except ValidationError as error:
        report(error, tree, JurisdictionFile, findings)
        return None
    return Flat(_without_unused(definition), definition, tree)


def _known(raw: Raw, inventories: Mapping[str, Inventory]) -> tuple[str, str]:
    """Which documents have an inventory."""
    return one_of(str(raw["document"]), inventories)


def _without_unused(definition: Definition) -> Definition:
    """The definition without vocabulary that nothing uses."""
    used = used_names(definition)
    kept = {
        section: {name: entry for name, entry in getattr(definition, section).items() if name in used[section]}
        for section in VOCABULARY
    }
    return definition.model_copy(update=kept)


class _Builder:
    """Makes the body of a definition from a laid tree's plain values."""

    def __init__(self, bases: Bases, raw: Raw) -> None:
        self.bases = bases
        self.raw = raw

    def body(self) -> Raw:
        """Everything :class:`Definition` asks for."""
        document = self.bases.inventory.document
        return {
            **{key: self.raw[key] for key in _HEADER},
            "sources": [document.model_dump(include={"id", "title", "number", "issued"})],
            **{section: self.raw[section] for section in ("facts", "documents", "parameters")},
            "consents": self.each("consents", self.consent),
            "tracks": self.each("tracks", self.track),
            "duties": self.each("duties", self.duty),
            "prohibitions": self.each("prohibitions", self.rule),
            "closings": self.each("closings", self.closing),
            "listed": self.listed(),
        }

    def each(self, section: str, make: Any) -> Raw:
        """One section, entry by entry."""
        return {name: make(entry, (section, name)) for name, entry in self.raw[section].items()}

    def consent(self, raw: Raw, path: Where) -> Raw:
        """A consent: only its basis needs looking up."""
        return {**raw, "basis": cited(self.bases.rows(raw, path))}

    def rule(self, raw: Raw, path: Where) -> Raw:
        """A rule whose provenance must be written when it has a basis."""
        return {
            **raw,
            "basis": cited(self.bases.rows(raw, path)),
            "provenance": self.bases.must_say(raw, path),
        }

    def requires(self, raw: Raw, path: Where) -> Raw:
        """``requires`` of a move, opening or closing."""
        return {name: self.rule(entry, (*path, "requires", name)) for name, entry in raw.get("requires", {}).items()}

    def closing(self, raw: Raw, path: Where) -> Raw:
        """A way a record may end."""
        return {**self.rule(raw, path), "requires": self.requires(raw, path)}

    def held(self, raw: Raw, path: Where, inherited: list[str]) -> Raw:
        """A step or duty: who is responsible, who else the clause prints, and where that comes from."""
        own = {"basis": inherited, **raw}
        rows = self.bases.rows(own, path) if "basis" in raw else self.bases.rows(own, path[:2])
        by = own.pop("by", None)
        return {
            **own,
            **({"responsible": by} if by is not None else {}),
            **printed_units(rows, by),
            "basis": cited(rows),
            "provenance": raw.get("provenance") or lead_provenance(rows, by),
        }

    def duty(self, raw: Raw, path: Where) -> Raw:
        """A duty."""
        return self.held(raw, path, [])

    def track(self, raw: Raw, path: Where) -> Raw:
        """A track with its steps and moves; those without a basis take the track's."""
        rows = self.bases.rows(raw, path)
        written = raw.get("basis", [])
        opens = raw.get("opens", {})
        steps = {name: self.held(step, (*path, "steps", name), written) for name, step in _in(raw, "steps")}
        moves = {name: self.move(move, (*path, "moves", name), written) for name, move in _in(raw, "moves")}
        return {
            **raw,
            "basis": cited(rows),
            "provenance": raw.get("provenance") or ("printed" if rows else "deployer"),
            "opens": {**opens, "requires": self.requires(opens, (*path, "opens"))},
            **({"steps": steps} if "steps" in raw else {}),
            **({"moves": moves} if "moves" in raw else {}),
        }

    def move(self, raw: Raw, path: Where, inherited: list[str]) -> Raw:
        """A move. One that is labelled ``deployer`` takes no clause it does not name itself."""
        local = raw.get("provenance") == "deployer"
        own = {"basis": [] if local else inherited, **raw}
        rows = self.bases.rows(own, path) if "basis" in raw else self.bases.rows(own, path[:2])
        source = own.pop("from", None)
        return {
            **own,
            **({"source": [source] if isinstance(source, str) else source} if source is not None else {}),
            "form": [{"fact": item} if isinstance(item, str) else item for item in raw.get("form", [])],
            "basis": cited(rows),
            "provenance": raw.get("provenance") or ("reading" if rows else "deployer"),
            "requires": self.requires(raw, path),
        }

    def listed(self) -> Raw:
        """Core rows that are not encoded, by full row id."""
        found = {}
        for name, entry in self.raw.get("listed", {}).items():
            row = self.bases.inventory.row(name)
            if row is None:
                self.bases.unknown(name, ("listed", name))
            found[row.id if row else name] = entry
        return found


def _in(raw: Raw, key: str) -> list[tuple[str, Raw]]:
    """The entries of a mapping that may be absent."""
    return list(raw.get(key, {}).items())
