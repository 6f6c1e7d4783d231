"""Who signed a tag: GPG with a keyring of our own that lives as long as the question, or SSH with allowed signers."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rctrack.config.projects import SigningConfig
from rctrack.core.model import ObjectId, Signature, SignatureEvidence
from rctrack.process import ProcessError
from rctrack.sources.git import Repository, parse_raw_date
from rctrack.sources.protocol import Tools

_BLOCK = re.compile(rb"^-----BEGIN (PGP|SSH) SIGNATURE-----$", re.MULTILINE)
_VALIDITY = re.compile(r',valid-(?:after|before)="[^"]*"|valid-(?:after|before)="[^"]*",?')
_SECONDS = 30.0
_MOST_TAG_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Verifier:
    """A folder with nothing but the project's keys in it."""

    config: SigningConfig
    tools: Tools
    home: Path

    def verify(self, repository: Repository, object_id: ObjectId) -> SignatureEvidence:
        """What the signature of a tag object is worth; a lightweight tag has none. ProcessError if gpg is missing."""
        if repository.git("cat-file", "-t", object_id).strip() != b"tag":
            return SignatureEvidence(object_id, Signature.UNSIGNED, None)
        argv = ["git", f"--git-dir={repository.path}", "cat-file", "tag", object_id]
        content = self.tools.runner.run(argv, timeout=_SECONDS, most=_MOST_TAG_BYTES)
        begin = _BLOCK.search(content)
        if begin is None:
            return SignatureEvidence(object_id, Signature.UNSIGNED, None)
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
        if {"EXPKEYSIG", "EXPSIG"} & status.keys():
            return Signature.EXPIRED, key
        if "GOODSIG" in status and "VALIDSIG" in status:
            ours = not self.config.keys or not self.config.keys.isdisjoint(status["VALIDSIG"])
            return (Signature.GOOD if ours else Signature.UNKNOWN), key
        if {"NO_PUBKEY", "ERRSIG"} & status.keys():
            return Signature.UNKNOWN, key
        return Signature.BAD, key

    def _ssh(self, payload: bytes, signature: Path) -> tuple[Signature, str | None]:
        command = ["ssh-keygen", "-Y"]
        whole = self._said([*command, "check-novalidate", "-n", "git", "-s", str(signature)], payload)
        if not whole.startswith("Good"):
            return Signature.BAD, None
        if self.config.allowed_signers is None:
            return Signature.UNKNOWN, None
        listed = self.config.allowed_signers.read_text("utf-8", "replace")
        times = [f"-Overify-time={at:%Y%m%d%H%M%SZ}"] if (at := _tagged_at(payload)) else []
        for name, text, options, worth in (
            ("allowed", listed, times, Signature.GOOD),
            ("ever", _VALIDITY.sub("", listed), [], Signature.EXPIRED),
        ):
            allowed = self.home / name
            allowed.write_text(text, "utf-8")
            find = [*command, "find-principals", *options, "-f", str(allowed), "-s", str(signature)]
            if who := self._said(find).strip():
                return worth, who.splitlines()[0][:200]
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
    with TemporaryDirectory(prefix="rctrack-keys-") as folder:
        home = Path(folder)
        if config.keyring is not None:
            tools.runner.run([*_gpg(home), "--import", "--", str(config.keyring)], timeout=_SECONDS)
        yield Verifier(config, tools, home)


def _gpg(home: Path) -> list[str]:
    """Never the user's keyring, never a question, never a key server."""
    options = ["--batch", "--no-tty", "--quiet", "--no-options", "--no-autostart", "--trust-model", "always"]
    return ["gpg", "--homedir", str(home), *options, "--no-auto-key-retrieve", "--no-auto-key-locate"]


def _tagged_at(payload: bytes) -> datetime | None:
    found = re.search(rb"^tagger .*> (-?\d+ [+-]\d{4})$", payload, re.MULTILINE)
    instant = parse_raw_date(found[1].decode()) if found else None
    return instant.at if instant else None
