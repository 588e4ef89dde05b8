"""Reads a unit directory written as YAML into the pure :class:`engine.core.directory.Directory`."""

from __future__ import annotations

import importlib.resources
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.core.directory import Directory, Jurisdiction, Unit, UnitName
from engine.errors import DirectoryBroken


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Area(_Strict):
    zh: str
    en: str
    parent: str | None = None
    definition: str | None = None


class _Name(_Strict):
    zh: str
    en: str
    since: date


class _Unit(_Strict):
    jurisdiction: str
    functions: frozenset[str]
    names: tuple[_Name, ...]
    liaison: tuple[str, ...] = ()
    merged_into: str | None = None


class _File(_Strict):
    jurisdictions: dict[str, _Area]
    units: dict[str, _Unit]


def demo_directory() -> Path:
    """Where the directory of the demo world is shipped."""
    return Path(str(importlib.resources.files("workflows"))) / "directory" / "demo.yaml"


def read_directory(path: Path) -> Directory:
    """Read and check a directory file. Raises :class:`DirectoryBroken` naming file and place."""
    try:
        file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, OSError) as error:
        raise DirectoryBroken(f"无法读取单位目录 {path.name}：{error}", f"cannot read {path.name}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DirectoryBroken(
            f"单位目录 {path.name} 的 {place} 有误：{first['msg']}", f"{path.name}: {place}: {first['msg']}"
        ) from error
    return Directory(
        {code: Jurisdiction(code, area.zh, area.en, area.parent, area.definition)
         for code, area in file.jurisdictions.items()},
        {name: _unit(name, unit) for name, unit in file.units.items()},
    )  # fmt: skip


def _unit(name: str, unit: _Unit) -> Unit:
    names = tuple(UnitName(one.zh, one.en, one.since) for one in sorted(unit.names, key=lambda one: one.since))
    return Unit(name, unit.jurisdiction, unit.functions, names, unit.liaison, unit.merged_into)
