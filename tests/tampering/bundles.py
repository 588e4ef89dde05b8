"""A bundle in the hands of somebody who changes it, with a checksum that is right."""

from __future__ import annotations

import io
from collections.abc import Callable

from engine.ledger.bundle import BundleWriter, Section, Type, sections
from engine.ledger.canonical import Value, decode, encode


def remade(bundle: bytes, alter: Callable[[Section], Section | None]) -> bytes:
    """The bundle with every section altered, or left out."""
    out = io.BytesIO()
    writer = BundleWriter(out.write)
    following = 0
    for each in sections(io.BytesIO(bundle).read):
        section = alter(each)
        if section is None:
            continue
        if section.type is Type.INFO:
            writer.info(decode(section.content))
        elif section.type is Type.CHECKPOINT:
            writer.checkpoint(section.content)
        elif section.type is Type.TIMESTAMP:
            writer.timestamp(*section.timestamp())
        elif section.type is Type.CERTIFICATE:
            writer.certificate(section.content)
        else:
            writer.entries(following, section.page)
            following += len(section.page)
    writer.end()
    return out.getvalue()


def retold(bundle: bytes, **words: Value) -> bytes:
    """The bundle with another info."""

    def alter(section: Section) -> Section:
        if section.type is not Type.INFO:
            return section
        return Section(Type.INFO, encode({**decode(section.content), **words}), section.at)

    return remade(bundle, alter)
