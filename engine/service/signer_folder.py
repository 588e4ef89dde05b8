"""The signer's own folder, apart from the database and the vault: its key, and its memory of the last tree it signed.

``key.pem``      the name and public key of the log, as auditors pass it on, on a line of its own; below it the Ed25519
                 key as PKCS #8 PEM, closed by a passphrase if there is one
``key.old.pem``  the key before it, as long as both sign
``memory``       what :class:`engine.ledger.signing.Memory` writes
``memory.<size>.old``  memories that a restart put aside

The folder is made once. A key without a memory, or a memory without a key, is damage, and nothing is made up for it. A
copy of the folder that is put back is an older memory: what it forgot may be signed twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from engine.errors import PassphraseWrong, SignerBroken, SignerRefused
from engine.ledger.note import BadNote, SignerKey, VerifierKey
from engine.ledger.signing import Memory
from engine.service import keyfile
from engine.vault.signing import SigningKey

KEY = "key.pem"
OLD_KEY = "key.old.pem"
MEMORY = "memory"
_FOLDER_MODE = 0o700
_CLOSED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class _KeyFile:
    """A key file as it lies there: what it says of itself, and the PEM."""

    public: VerifierKey
    pem: bytes

    def opened(self, passphrase: str | None) -> Ed25519PrivateKey:
        """The private key. Raises :class:`PassphraseWrong` and :class:`SignerBroken`."""
        is_closed = self.pem.startswith(_CLOSED)
        try:
            key = load_pem_private_key(self.pem, (passphrase or "").encode() if is_closed else None)
        except (ValueError, TypeError):
            if not is_closed:
                raise _broken(KEY, "不是密钥文件", "is no key file") from None
            raise PassphraseWrong(
                "签署密钥无法打开：口令不对，或文件损坏",
                "the signer's key does not open: wrong passphrase, or the file is damaged",
            ) from None
        if not isinstance(key, Ed25519PrivateKey) or key.public_key().public_bytes_raw() != self.public.public:
            raise _broken(KEY, "所写公钥与私钥不符", "names another public key than its own")
        return key


class SignerFolder:
    """The folder, and all that is ever written there. Whoever reads to write again holds :meth:`locked`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: dict[bytes, SignerKey] = {}

    # ── reading ──

    def public(self) -> tuple[VerifierKey, ...]:
        """The keys that sign now, the newest first; needs no passphrase. Raises :class:`SignerBroken`."""
        return tuple(one.public for one in self._files())

    def needs_passphrase(self) -> bool:
        """Whether a passphrase closes the key. Raises :class:`SignerBroken`."""
        return any(one.pem.startswith(_CLOSED) for one in self._files())

    def keys(self, passphrase: str | None) -> tuple[SignerKey, ...]:
        """The keys that sign now, opened, the newest first. Raises :class:`PassphraseWrong` and :class:`SignerBroken`.

        A key is opened once; one that another process put there since is opened anew.
        """
        found = {each.pem + each.public.to_text().encode(): each for each in self._files()}
        self._opened = {
            name: self._opened.get(name) or SignerKey(each.public.name, each.opened(passphrase))
            for name, each in found.items()
        }
        return tuple(self._opened.values())

    def memory(self) -> Memory:
        """The last tree that was signed. Raises :class:`SignerBroken`: it is never begun anew."""
        try:
            return Memory.from_bytes(self._read(MEMORY))
        except BadNote:
            raise _broken(MEMORY, "已损坏", "is damaged") from None

    def _files(self) -> list[_KeyFile]:
        names = [KEY, OLD_KEY] if (self.path / OLD_KEY).exists() else [KEY]
        files = [self._key_file(name) for name in names]
        # A rotation that stopped half-way has put a copy of the key aside and no new one in its place.
        return files[:1] if files[-1].public == files[0].public else files

    def _key_file(self, name: str) -> _KeyFile:
        line, _, pem = self._read(name).partition(b"\n")
        try:
            return _KeyFile(VerifierKey.from_text(line.decode()), pem)
        except (BadNote, UnicodeDecodeError):
            raise _broken(name, "不是密钥文件", "is no key file") from None

    def _read(self, name: str) -> bytes:
        path = self.path / name
        if not path.is_file():
            raise _broken(name, "不存在", "is missing")
        return keyfile.read_private(path)

    # ── writing ──

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: of two signers with one memory the slower one would forget what the faster one signed."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            raise _broken(self.path.name, "不存在", "is missing") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for left in self.path.glob(".*.*"):  # of a process that was killed while it wrote
                left.unlink()
            yield
        finally:
            os.close(descriptor)

    def remember(self, memory: Memory) -> None:
        """Put a memory in the place of the last one; it lies on the disk on return. Raises :class:`SignerBroken`."""
        self._replace(MEMORY, memory.to_bytes())

    def put_memory_aside(self) -> None:
        """Keep a copy of the memory beside it, for whoever looks into a restart."""
        written, size = self._read(MEMORY), self.memory().last.size
        names = [f"{MEMORY}.{size}.old", *(f"{MEMORY}.{size}.{n}.old" for n in range(2, 100))]
        for name in names:
            if not (self.path / name).exists():
                self._replace(name, written)
            if self._read(name) == written:
                return
        raise _broken(names[-1], "已有过多副本", "is one copy too many")

    def write_key(self, key: Ed25519PrivateKey, name: str, passphrase: str | None) -> VerifierKey:
        """Put a key in the place of the one that signs, under the name of a log."""
        public = VerifierKey(name, key.public_key().public_bytes_raw())
        if passphrase is None:
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        else:
            pem = SigningKey(key).sealed(passphrase)
        self._replace(KEY, public.to_text().encode() + b"\n" + pem)
        return public

    def rename(self, name: str) -> VerifierKey:
        """Let the key sign for a log of another name, and no older key with it."""
        found = self._key_file(KEY)
        self.drop_old_key()
        public = VerifierKey(name, found.public.public)
        self._replace(KEY, public.to_text().encode() + b"\n" + found.pem)
        return public

    def put_key_aside(self) -> None:
        """Keep the key as the old one. Raises :class:`SignerRefused` while there is one already."""
        if len(self._files()) > 1:
            raise SignerRefused(
                "上一次更换的旧密钥仍在签署；请先执行 guitu signer drop-old-key",
                "the old key of the last change still signs; run guitu signer drop-old-key first",
                why="old key",
            )
        self._replace(OLD_KEY, self._read(KEY))

    def drop_old_key(self) -> bool:
        """Let only the newest key sign; say whether there was an older one."""
        had = len(self._files()) > 1
        (self.path / OLD_KEY).unlink(missing_ok=True)
        return had

    def _replace(self, name: str, content: bytes) -> None:
        try:
            keyfile.replace(self.path / name, content)
        except OSError:
            raise _unwritable(name) from None


def init(path: Path, origin: str, passphrase: str | None, memory: Memory | None = None) -> VerifierKey:
    """Make the folder of a signer, for the log of this name; give its public key. Without a memory it never signed.

    Raises :class:`SignerRefused` when anything is there already, :class:`CommandMalformed` for too short a passphrase,
    and :class:`SignerBroken` when it cannot be written.
    """
    try:
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise SignerRefused(
                f"{path} 已有内容，未作改动：签署方只建立一次",
                f"{path} is not empty and was not touched: a signer is made once",
                why="exists",
            )
        path.chmod(_FOLDER_MODE)
    except OSError:
        raise _unwritable(path.name) from None
    folder = SignerFolder(path)
    with folder.locked():
        # The key comes last: where it is, all is there.
        folder.remember(memory or Memory.empty(origin))
        return folder.write_key(Ed25519PrivateKey.generate(), origin, passphrase)


@dataclass(frozen=True, slots=True)
class Rotated:
    """A new key, and what the ledger is told of it (act ``signer:key``)."""

    key: VerifierKey
    details: dict[str, int | str]


def rotate_key(path: Path, passphrase: str | None) -> Rotated:
    """Make a new key. Until :func:`drop_old_key` both sign, so that auditors have time to learn of it.

    Raises :class:`SignerRefused` while an older key still signs, :class:`PassphraseWrong`, :class:`SignerBroken`.
    """
    folder = SignerFolder(path)
    with folder.locked():
        last = folder.memory().last
        old = folder.keys(passphrase)[0].public
        closing = passphrase if folder.needs_passphrase() else None
        folder.put_key_aside()
        new = folder.write_key(Ed25519PrivateKey.generate(), old.name, closing)
    signed: dict[str, int | str] = {"signed_size": last.size, "signed_root": last.root.hex()}
    return Rotated(new, {"old": old.id.hex(), "new": new.id.hex(), "key": new.public.hex(), **signed})


def drop_old_key(path: Path) -> VerifierKey:
    """From the next checkpoint on only the newest key signs. Raises :class:`SignerRefused` when no other one does."""
    folder = SignerFolder(path)
    with folder.locked():
        if not folder.drop_old_key():
            raise SignerRefused("没有旧密钥在签署", "no old key signs", why="no old key")
        return folder.public()[0]


def _broken(name: str, zh: str, en: str) -> SignerBroken:
    return SignerBroken(
        f"签署方文件夹中的 {name} {zh}；请取回文件夹的最新副本，绝不重新开始",
        f"{name} in the signer's folder {en}; bring back the newest copy of the folder, and never begin anew",
        file=name,
    )


def _unwritable(name: str) -> SignerBroken:
    return SignerBroken(
        f"签署方文件夹中的 {name} 无法写入；未签署",
        f"{name} in the signer's folder cannot be written; nothing was signed",
        file=name,
    )
