"""Who signed a tag: GPG with a keyring of our own that lives as long as the question, or SSH with allowed signers."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rctrack.config import SigningConfig
from rctrack.core.evidence import ObjectId, Signature, SignatureEvidence
from rctrack.process import ProcessError
from rctrack.sources.gitstore.repository import Repository, parse_raw_date
from rctrack.sources.protocol import Tools

_BLOCK = re.compile(rb"^-----BEGIN (PGP|SSH) SIGNATURE-----$", re.MULTILINE)
_VALIDITY = re.compile(r',valid-(?:after|before)="[^"]*"|valid-(?:after|before)="[^"]*",?')
_SECONDS = 30.0
_MOST_TAG_BYTES = 2**20
_LONGEST_PATH = 70
"""Of the state folder, to have the keys in it: gpg fails where a name of its sockets would be longer than 107 bytes."""
_MOST_SIGNERS = 10
"""Names that an allowed-signers file gives to one key."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A folder with nothing but the project's keys in it."""

    config: SigningConfig
    tools: Tools
    home: Path
    allowed: str | None
    """The allowed signers, as their file has them."""

    def verify(self, repository: Repository, object_id: ObjectId) -> SignatureEvidence:
        """What the signature of a tag object is worth; a lightweight tag has none. ProcessError if gpg is missing."""
        if repository.git("cat-file", "-t", object_id).strip() != b"tag":
            return SignatureEvidence(object_id, Signature.UNSIGNED, None)
        argv = repository.argv("cat-file", "tag", object_id)
        content = self.tools.runner.run(argv, timeout=_SECONDS, most=_MOST_TAG_BYTES)
        # As git takes it: the last block is the signature, an earlier one is quoted in what was signed.
        blocks = list(_BLOCK.finditer(content))
        if not blocks:
            return SignatureEvidence(object_id, Signature.UNSIGNED, None)
        begin = blocks[-1]
        payload, signature = content[: begin.start()], self.home / "signature"
        signature.write_bytes(content[begin.start() :])
        check = self._gpg if begin[1] == b"PGP" else self._ssh
        return SignatureEvidence(object_id, *check(payload, signature))

    def _gpg(self, payload: bytes, signature: Path) -> tuple[Signature, str | None]:
        signed = self.home / "payload"
        signed.write_bytes(payload)
        said = self._said([*_gpg(self.home), "--status-fd", "1", "--verify", str(signature), str(signed)])
        status = {line.split()[1]: line.split()[2:] for line in said.splitlines() if line.startswith("[GNUPG:] ")}
        key = next((status[name][0] for name in ("VALIDSIG", "ERRSIG", "BADSIG") if status.get(name)), None)
        if "BADSIG" in status or "REVKEYSIG" in status:
            return Signature.BAD, key
        is_ours = not self.config.keys or not self.config.keys.isdisjoint(status.get("VALIDSIG", ()))
        if {"EXPKEYSIG", "EXPSIG"} & status.keys():
            return (Signature.EXPIRED if is_ours else Signature.UNKNOWN), key
        if "GOODSIG" in status and "VALIDSIG" in status:
            return (Signature.GOOD if is_ours else Signature.UNKNOWN), key
        if {"NO_PUBKEY", "ERRSIG"} & status.keys():
            return Signature.UNKNOWN, key
        return Signature.BAD, key

    def _ssh(self, payload: bytes, signature: Path) -> tuple[Signature, str | None]:
        command = ["ssh-keygen", "-Y"]
        whole = self._said([*command, "check-novalidate", "-n", "git", "-s", str(signature)], payload)
        if not whole.startswith("Good"):
            return Signature.BAD, None
        if self.allowed is None:
            return Signature.UNKNOWN, None
        times = [f"-Overify-time={at:%Y%m%d%H%M%SZ}"] if (at := _tagged_at(payload)) else []
        for name, text, options, worth in (
            ("allowed", self.allowed, times, Signature.GOOD),
            ("ever", _VALIDITY.sub("", self.allowed), [], Signature.EXPIRED),
        ):
            allowed = self.home / name
            allowed.write_text(text, "utf-8")
            by = ["-f", str(allowed), "-s", str(signature)]
            # Whose key it is says the first question; whether that key may sign what git has, the second.
            for who in self._said([*command, "find-principals", *options, *by]).splitlines()[:_MOST_SIGNERS]:
                if self._said([*command, "verify", "-n", "git", "-I", who, *options, *by], payload).startswith("Good"):
                    return worth, who[:200]
        return Signature.UNKNOWN, None

    def _said(self, argv: Sequence[str], stdin: bytes = b"") -> str:
        """What a program says, also when it fails: here that is an answer."""
        said = b""
        try:
            with self.tools.runner.stream(argv, timeout=_SECONDS, stdin=stdin) as output:
                said = output.read(2**16)
        except ProcessError as error:
            if "cannot be started" in str(error):
                raise
        return said.decode("utf-8", "replace")


@contextmanager
def verifier(config: SigningConfig, tools: Tools) -> Iterator[Verifier]:
    """A verifier with the project's keys; they are gone afterwards. ProcessError if they cannot be read."""
    try:
        allowed = config.allowed_signers.read_text("utf-8", "replace") if config.allowed_signers else None
    except OSError as error:
        raise ProcessError(f"{config.allowed_signers}: cannot be read: {error.strerror}") from error
    tools.state.mkdir(parents=True, exist_ok=True)
    near = tools.state if len(str(tools.state)) <= _LONGEST_PATH else None
    with TemporaryDirectory(prefix="rctrack-keys-", dir=near) as folder:
        home = Path(folder)
        if config.keyring is not None:
            tools.runner.run([*_gpg(home), "--import", "--", str(config.keyring)], timeout=_SECONDS)
        yield Verifier(config, tools, home, allowed)


def probe_keys(config: SigningConfig, tools: Tools) -> str | None:
    """What is wrong with the keys that a project's tags are to be signed with; None if nothing is."""
    try:
        with verifier(config, tools):
            return None
    except ProcessError as error:
        return str(error)


def _gpg(home: Path) -> list[str]:
    """Never the user's keyring, never a question, never a key server."""
    options = ["--batch", "--no-tty", "--quiet", "--no-options", "--no-autostart", "--trust-model", "always"]
    return ["gpg", "--homedir", str(home), *options, "--no-auto-key-retrieve", "--no-auto-key-locate"]


def _tagged_at(payload: bytes) -> datetime | None:
    found = re.search(rb"^tagger .*> (-?\d+ [+-]\d{4})$", payload, re.MULTILINE)
    instant = parse_raw_date(found[1].decode()) if found else None
    return instant.at if instant else None
