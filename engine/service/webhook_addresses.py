"""To which addresses notices may be sent: https, and no machine of this network unless the operator lists it.

An address is judged twice: as it is written when a unit registers it, and as it resolves whenever something is sent.
What it resolved to is what is connected to, so a name that means another machine a moment later gains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from engine.errors import CommandMalformed, WebhookAddressRefused

Address = IPv4Address | IPv6Address
LONGEST = 500
"""Characters of an address."""
_ASCII = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ALSO_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv6Network("64:ff9b:1::/48"))
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Networks:
    """What the operator lists: networks whose machines may be sent to, and names that may mean a private address.

    A name that is listed may not mean this machine or its own link; for that its network must be listed.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    names: frozenset[str] = frozenset()

    @staticmethod
    def read(words: Iterable[str]) -> Networks:
        """Read ``10.20.0.0/16`` and ``hooks.police.example``. Raises :class:`CommandMalformed` for what is neither."""
        networks: list[IPv4Network | IPv6Network] = []
        names: set[str] = set()
        for word in (one.lower() for one in words):
            try:
                networks.append(ip_network(word))
            except ValueError:
                if "/" in word or not _is_name(word):
                    raise CommandMalformed(
                        "GUITU_WEBHOOK_NETWORKS 应为以逗号分隔的网段或主机名，例如 10.20.0.0/16,hooks.example",
                        "GUITU_WEBHOOK_NETWORKS lists networks or host names, such as 10.20.0.0/16,hooks.example",
                    ) from None
                names.add(word.rstrip("."))
        return Networks(tuple(networks), frozenset(names))

    def permits(self, address: Address, host: str, *, is_trial: bool) -> bool:
        """Whether something may be sent to this address, which ``host`` resolved to, or is."""
        return all(self._permits(one, host, is_trial=is_trial) for one in _meant(address))

    def _permits(self, address: Address, host: str, *, is_trial: bool) -> bool:
        if any(address in network for network in self.networks):
            return True
        if address.is_multicast or address.is_unspecified or address.is_link_local or _is_special(address):
            return False
        if address.is_loopback:
            return is_trial
        return address.is_global or (address.is_private and host.lower().rstrip(".") in self.names)


def _is_special(address: Address) -> bool:
    """Whether it is of a special range that the library takes for a public one."""
    is_site_local = isinstance(address, IPv6Address) and address.is_site_local
    return is_site_local or any(address in network for network in _ALSO_SPECIAL)


def _meant(address: Address) -> Iterator[Address]:
    """Yield the address, or the one of IPv4 that is written inside it: what a packet reaches in the end."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def hold_url(words: str, networks: Networks, *, is_trial: bool) -> str:
    """The address of a unit's system, if notices may be sent there; names are looked up when something is sent.

    ``http`` only to this very machine, in a world for trial. Raises :class:`WebhookAddressRefused`, which repeats
    nothing of it.
    """
    parts, host = _split(words)
    literal = _literal(host)
    if literal is None and not _is_name(host):
        raise _refused("主机名无效", "its host is neither a name nor an address")
    is_here = host == "localhost" or (literal is not None and literal.is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here and is_trial):
        raise _refused("必须使用 https", "it must be https")
    if literal is not None and not networks.permits(literal, host, is_trial=is_trial):
        raise _not_listed()
    if host == "localhost" and not networks.permits(IPv4Address("127.0.0.1"), host, is_trial=is_trial):
        raise _not_listed()
    return words


def _split(words: str) -> tuple[SplitResult, str]:
    if len(words) > LONGEST or not _ASCII.fullmatch(words) or "\\" in words:
        raise _refused(
            f"应为不超过 {LONGEST} 个字符的网址，不含空格和中文", f"it is a URL of up to {LONGEST} plain characters"
        )
    try:
        parts = urlsplit(words)
        port = parts.port
    except ValueError:
        raise _refused("不是有效网址", "it is no URL") from None
    if "@" in parts.netloc:
        raise _refused("不得含用户名或密码", "it may hold no user name or password")
    if "#" in words:
        raise _refused("不得含片段（#）", "it may have no fragment (#)")
    if port == 0 or not parts.hostname:
        raise _refused("不是有效网址", "it is no URL")
    return parts, parts.hostname


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """Whether it is a name, and no number in one of the old ways to write an address."""
    last = host.rstrip(".").rpartition(".")[2]
    return len(host) <= 253 and _HOST.fullmatch(host) is not None and _NUMBER.fullmatch(last) is None


def _refused(zh: str, en: str) -> WebhookAddressRefused:
    return WebhookAddressRefused(f"推送地址不可用：{zh}", f"the address of a webhook is refused: {en}")


def _not_listed() -> WebhookAddressRefused:
    return _refused(
        "该地址属于内部网络，须由运维人员列入 GUITU_WEBHOOK_NETWORKS",
        "it lies in a network that the operator has not listed in GUITU_WEBHOOK_NETWORKS",
    )
