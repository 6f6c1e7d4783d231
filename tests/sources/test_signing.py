"""Tags signed with throw-away keys of both kinds: the five outcomes are told apart, and those that matter flagged."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.following import follow
from tests.material import BEGIN, DAY, GitRepository, git, git_environment, make_repository
from tests.servers import git_over_http

Needs = Callable[[str], Path]


def run(*argv: str, **environment: str) -> str:
    done = subprocess.run(argv, env={**git_environment(), **environment}, check=True, capture_output=True)
    return done.stdout.decode()


@dataclass(frozen=True, slots=True)
class Gpg:
    """A keyring of its own, in a folder with a short name: sockets have short paths."""

    home: str

    def key(self, name: str, *, expire: str = "never", at: str = "20260101T000000") -> str:
        """A new key's fingerprint."""
        options = ("--batch", "--passphrase", "", "--faked-system-time", at)
        run(
            "gpg",
            *options,
            "--quick-gen-key",
            f"{name} <{name}@example.org>",
            "ed25519",
            "sign",
            expire,
            GNUPGHOME=self.home,
        )
        listing = run("gpg", "--with-colons", "--fingerprint", name, GNUPGHOME=self.home)
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def tag(self, repository: GitRepository, name: str, key: str, at: str = "20260102T000000!") -> None:
        """A signed tag."""
        repository.now = repository.now.replace(microsecond=0)
        wrapper = Path(self.home) / "gpg"
        wrapper.write_text(f'#!/bin/sh\nexec gpg --faked-system-time {at} "$@"\n')
        wrapper.chmod(0o755)
        options = ("-c", f"gpg.program={wrapper}", "tag", "--force", "-m", "", "-u", key, name, "main")
        git(repository.path, *options, GNUPGHOME=self.home)


@pytest.fixture
def gpg(needs: Needs) -> Iterator[Gpg]:
    needs("gpg")
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as home:
        yield Gpg(home)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = make_repository(tmp_path / "hosts" / "demo.git")
    made.commit(2, parents=())
    return made


def spoil(repository: GitRepository, source: str, name: str) -> None:
    """The signature of one tag under the words of another."""
    content = git(repository.path, "cat-file", "tag", source).replace(f"tag {source}\n", f"tag {name}\n") + "\n"
    spoiled = git(repository.path, "hash-object", "-t", "tag", "-w", "--stdin", stdin=content.encode())
    git(repository.path, "update-ref", f"refs/tags/{name}", spoiled)


EXPECTED = {
    "1.0": ("good", ""),
    "1.1": ("bad", "bad-signature"),
    "1.2": ("unknown key", "bad-signature"),
    "1.3": ("expired", ""),
    "1.4": ("unsigned", "unsigned"),
}


def check(repository: GitRepository, folder: Path, settings: str) -> None:
    """Read from the folder, from a whole copy of the history, and one range at a time."""
    with git_over_http(repository.path.parent) as server:
        for name, url, history in (
            ("near", str(repository.path), "all"),
            ("whole", f"{server.url}/demo.git", "all"),
            ("range", f"{server.url}/demo.git", "cycle"),
        ):
            demo = follow(folder / name, tags=[url], history=history, settings=settings)
            demo.poll(BEGIN + 30 * DAY)
            rows = demo.rows("SELECT version, signature, flags FROM releases ORDER BY position")
            assert {row["version"]: (row["signature"], row["flags"]) for row in rows} == EXPECTED, name


def test_the_five_outcomes_of_gpg(repository: GitRepository, gpg: Gpg, tmp_path: Path) -> None:
    """Good, spoiled, by a stranger, by a key whose time is over, and without any."""
    ours, stranger = gpg.key("ours"), gpg.key("stranger")
    old = gpg.key("old", expire="20200201T000000", at="20200101T000000")
    gpg.tag(repository, "v1.0", ours)
    spoil(repository, "v1.0", "v1.1")
    gpg.tag(repository, "v1.2", stranger)
    gpg.tag(repository, "v1.3", old, at="20200102T000000!")
    repository.tag("v1.4")
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", "ours", "old", GNUPGHOME=gpg.home))
    check(repository, tmp_path, f'[signing]\nkeys = ["{ours}", "{old}"]\nkeyring = "{keyring}"\n')


def test_a_key_that_we_know_and_that_is_not_the_projects_is_a_strangers(
    repository: GitRepository, gpg: Gpg, tmp_path: Path
) -> None:
    """A keyring may hold more than the keys that count; one that was revoked is bad; a lightweight tag has none."""
    ours, other, lost = (gpg.key(name) for name in ("ours", "other", "lost"))
    for version, key in (("v1.0", ours), ("v1.1", other), ("v1.2", lost)):
        gpg.tag(repository, version, key)
    git(repository.path, "tag", "v1.3", "main")
    revocation = (Path(gpg.home) / "openpgp-revocs.d" / f"{lost}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
    (tmp_path / "lost.rev").write_text(revocation)
    run("gpg", "--batch", "--import", str(tmp_path / "lost.rev"), GNUPGHOME=gpg.home)
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", GNUPGHOME=gpg.home))
    settings = f'[signing]\nkeys = ["{ours}", "{lost}"]\nkeyring = "{keyring}"\n'
    demo = follow(tmp_path / "user", tags=[str(repository.path)], settings=settings)
    demo.poll(BEGIN + 30 * DAY)
    rows = demo.rows("SELECT signature FROM releases ORDER BY position")
    assert [row["signature"] for row in rows] == ["good", "unknown key", "bad", "unsigned"]


def test_the_five_outcomes_of_ssh(repository: GitRepository, needs: Needs, tmp_path: Path) -> None:
    """The same with an allowed-signers file."""
    needs("ssh-keygen")
    publics = {}
    for name in ("ours", "stranger", "old"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name))
        publics[name] = " ".join((tmp_path / f"{name}.pub").read_text().split()[:2])
    for tag, name in (("v1.0", "ours"), ("v1.2", "stranger"), ("v1.3", "old")):
        options = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path / name}")
        git(repository.path, *options, "tag", "-s", "-m", "", tag, "main", GIT_COMMITTER_DATE="1767225600 +0000")
    spoil(repository, "v1.0", "v1.1")
    repository.tag("v1.4")
    allowed = tmp_path / "allowed"
    allowed.write_text(
        f'ours@example.org {publics["ours"]}\nold@example.org valid-before="20250101" {publics["old"]}\n'
    )
    check(repository, tmp_path, f'[signing]\nallowed_signers = "{allowed}"\n')
