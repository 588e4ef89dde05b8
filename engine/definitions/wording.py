"""Labels: both languages, each in its own script."""

from __future__ import annotations

import re

from engine.definitions.finding import Findings, Where
from engine.definitions.reading import Tree

_CHINESE = re.compile(r"[㐀-鿿]")
_LATIN = re.compile(r"[A-Za-z]")


def check_wording(tree: Tree, findings: Findings, path: Where = ()) -> None:
    """A ``zh`` without a Chinese character, or an ``en`` without a Latin letter, is a missing label."""
    children = tree.items().items() if isinstance(tree.value, dict) else enumerate(_items(tree))
    for key, child in children:
        if key in ("zh", "en") and isinstance(child.value, str):
            _check_one(str(key), child, (*path, key), findings)
        elif child.value is not None:
            check_wording(child, findings, (*path, key))


def _items(tree: Tree) -> tuple[Tree, ...]:
    """The items of a list; of anything else, none."""
    return tree.value if isinstance(tree.value, tuple) else ()


def _check_one(language: str, label: Tree, path: Where, findings: Findings) -> None:
    """One label in one language."""
    script = _CHINESE if language == "zh" else _LATIN
    if script.search(str(label.value)):
        return
    wrong = ("缺少中文标签。", "The Chinese label is missing.")
    right = ("请写至少含一个汉字的中文标签。", "Write a label with at least one Chinese character.")
    if language == "en":
        wrong = ("缺少英文标签。", "The English label is missing.")
        right = ("请写英文标签。", "Write a label in English.")
    findings.add(label.place, "missing_label", path, wrong, right)
