"""Tags signed with throw-away keys of both kinds: the five outcomes are told apart, and those that matter flagged."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.following import Follower, follow
from tests.support.material import BEGIN, DAY, GitRepository, git, git_environment, make_repository
from tests.support.servers import git_over_http

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

    def tag(
        self,
        repository: GitRepository,
        name: str,
        key: str,
        at: str = "20260102T000000!",
        message: str = "",
        more: str = "",
    ) -> None:
        """A signed tag; `more` are further options of gpg."""
        repository.now = repository.now.replace(microsecond=0)
        wrapper = Path(self.home) / "gpg"
        wrapper.write_text(f'#!/bin/sh\nexec gpg --faked-system-time {at} {more} "$@"\n')
        wrapper.chmod(0o755)
        options = ("-c", f"gpg.program={wrapper}", "tag", "--force", "-m", message, "-u", key, name, "main")
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
            assert worths(demo) == EXPECTED, name


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


def worths(demo: Follower) -> dict[str, tuple[str | None, str]]:
    """Signature and flags of each release."""
    rows = demo.rows("SELECT version, signature, flags FROM releases")
    return {row["version"]: (row["signature"], " ".join(json.loads(row["flags"]))) for row in rows}


def test_what_has_expired_is_the_projects_own_or_a_strangers(
    repository: GitRepository, gpg: Gpg, tmp_path: Path
) -> None:
    """A signature with an end or a key with one are the same; neither makes a key that is not listed one of ours."""
    ours, other = gpg.key("ours"), gpg.key("other")
    old = gpg.key("old", expire="20200201T000000", at="20200101T000000")
    gpg.tag(repository, "v1.0", ours, more="--default-sig-expire 1d")
    gpg.tag(repository, "v1.1", other, more="--default-sig-expire 1d")
    gpg.tag(repository, "v1.2", old, at="20200102T000000!")
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", GNUPGHOME=gpg.home))
    settings = f'[signing]\nkeys = ["{ours}"]\nkeyring = "{keyring}"\n'
    demo = follow(tmp_path / "user", tags=[repository.path], settings=settings)
    demo.poll(BEGIN + 30 * DAY)
    stranger = ("unknown key", "bad-signature")
    assert worths(demo) == {"1.0": ("expired", ""), "1.1": stranger, "1.2": stranger}


def test_a_signature_that_is_quoted_is_part_of_what_was_signed(
    repository: GitRepository, gpg: Gpg, tmp_path: Path
) -> None:
    """The last block of a tag is its signature, as git has it; and a quoted one alone is none that counts."""
    ours = gpg.key("ours")
    quoted = "As he wrote:\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
    gpg.tag(repository, "v1.0", ours, message=quoted)
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", GNUPGHOME=gpg.home))
    demo = follow(tmp_path / "user", tags=[repository.path], settings=f'[signing]\nkeyring = "{keyring}"\n')
    demo.poll(BEGIN + 30 * DAY)
    assert worths(demo) == {"1.0": ("good", "")}


def test_a_key_that_is_added_to_the_keyring_makes_its_signatures_good(
    repository: GitRepository, gpg: Gpg, tmp_path: Path
) -> None:
    """Under the same name; what was found with the keys of before is not kept for those of now."""
    ours, other = gpg.key("ours"), gpg.key("other")
    gpg.tag(repository, "v1.0", ours)
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", other, GNUPGHOME=gpg.home))
    demo = follow(tmp_path / "user", tags=[repository.path], settings=f'[signing]\nkeyring = "{keyring}"\n')
    demo.poll(BEGIN + 30 * DAY)
    assert worths(demo) == {"1.0": ("unknown key", "bad-signature")}
    keyring.write_text(run("gpg", "--armor", "--export", GNUPGHOME=gpg.home))
    demo.poll(BEGIN + 31 * DAY)
    assert worths(demo) == {"1.0": ("good", "")}


@pytest.mark.parametrize("history", ["all", "cycle"])
@pytest.mark.parametrize("setting", ["keyring", "allowed_signers"])
def test_keys_that_cannot_be_read_cost_no_count_and_are_told(
    repository: GitRepository, needs: Needs, setting: str, history: str, tmp_path: Path
) -> None:
    """By the poll, by doctor, and in the outcome of the look; when they are there, they are used."""
    needs("gpg")
    repository.release("1.0", "1.1")
    keys = tmp_path / "keys"
    with git_over_http(repository.path.parent) as server:
        settings = f'[signing]\n{setting} = "{keys}"\n'
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"], history=history, settings=settings)
        assert f"not verified: {server.url}" in demo.rctrack("poll").stdout
        assert demo.release("1.1")["commits"] == repository.count("v1.0", "v1.1")
        assert str(keys) in demo.rows("SELECT reason FROM runs")[0]["reason"]
        said = demo.rctrack("doctor")
        assert said.returncode == 1
        assert "BAD  demo keys: " in said.stdout
        if setting == "allowed_signers":
            keys.touch()
            demo.poll(BEGIN + 400 * DAY)
            assert worths(demo)["1.1"] == ("unsigned", "unsigned")
            assert "ok   demo keys" in demo.rctrack("doctor").stdout


def test_a_bad_signature_is_told_with_the_release(repository: GitRepository, gpg: Gpg, tmp_path: Path) -> None:
    """In the subject and in words; a good one is not."""
    ours, other = gpg.key("ours"), gpg.key("other")
    gpg.tag(repository, "v1.0", ours)
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", ours, GNUPGHOME=gpg.home))
    settings = f'[signing]\nkeyring = "{keyring}"\n'
    demo = follow(tmp_path / "user", tags=[repository.path], settings=settings)
    demo.poll(BEGIN)
    steps: tuple[Callable[[], object], ...] = (
        lambda: gpg.tag(repository, "v1.1", ours), lambda: gpg.tag(repository, "v1.2", other),
        lambda: spoil(repository, "v1.1", "v1.3"), lambda: repository.tag("v1.4"),
    )  # fmt: skip
    for day, step in enumerate(steps):
        step()
        demo.poll(BEGIN + (day + 1) * DAY)
    mails = {str(mail["Subject"]).split()[2]: mail for mail in demo.mails()}
    told = {tag: (str(mail["Subject"]), " ".join(mail.get_content().split())) for tag, mail in mails.items()}
    assert "bad" not in " ".join(told["v1.1"]).replace("test_a_bad", "").lower()
    assert told["v1.2"][0].endswith("bad-signature")
    assert "Bad signature: the tag is signed, and it is not by a key that is expected." in told["v1.2"][1]
    assert told["v1.3"][0].endswith("bad-signature")
    assert "Bad signature: the tag is signed, and it does not stand up." in told["v1.3"][1]
    assert told["v1.4"][0].endswith("unsigned")
    assert "Unsigned: this project's tags are expected to be signed, and this one is not." in told["v1.4"][1]


def test_no_key_leaves_the_state_folder(repository: GitRepository, gpg: Gpg, tmp_path: Path) -> None:
    """What a tag says it is signed with is written beside the database for as long as it is looked at."""
    gpg.tag(repository, "v1.0", gpg.key("ours"))
    keyring = tmp_path / "keys.asc"
    keyring.write_text(run("gpg", "--armor", "--export", GNUPGHOME=gpg.home))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        settings = f'[signing]\nkeyring = "{keyring}"\n'
        demo = follow(Path(folder), tags=[repository.path], settings=settings)
        spy = Path(folder) / "gpg"
        spy.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/said\nexec /usr/bin/env -S PATH={os.environ["PATH"]} gpg "$@"\n'
        )
        spy.chmod(0o755)
        environment = {"TMPDIR": str(elsewhere), "HOME": str(elsewhere), "PATH": f"{folder}:{os.environ['PATH']}"}
        subprocess.run(demo.argv("poll"), env={**demo.environment(), **environment}, check=True, cwd=demo.folder)
        assert worths(demo) == {"1.0": ("good", "")}
        said = (tmp_path / "said").read_text().splitlines()
        assert all(f"--homedir {demo.database.parent}/" in line for line in said)
        assert not list(demo.database.parent.glob("*keys*"))
    assert len(said) == 2
    assert list(elsewhere.iterdir()) == []


def test_a_range_is_not_fetched_for_a_signature(repository: GitRepository, needs: Needs, tmp_path: Path) -> None:
    """Of the old releases of a big project only the tags are wanted."""
    needs("gpg")
    repository.release("1.0", "1.1-rc1")
    repository.commit(2000)
    repository.release("1.1", "1.2-rc1")
    keys = tmp_path / "keys"
    keys.touch()
    with git_over_http(repository.path.parent) as server:
        settings = f'[signing]\nallowed_signers = "{keys}"\n'
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"], history="cycle", settings=settings)
        demo.poll(BEGIN + 30 * DAY)
        assert sum(each.answered for each in server.fetches) < 20_000
    assert set(worths(demo).values()) == {("unsigned", "unsigned")}
    assert demo.release("1.2-rc1")["commits"] == repository.count("v1.1", "v1.2-rc1")


def test_an_ssh_key_that_may_not_sign_what_git_has_is_a_strangers(
    repository: GitRepository, needs: Needs, tmp_path: Path
) -> None:
    """An allowed-signers file may say what a key is for."""
    needs("ssh-keygen")
    lines = []
    for tag, name, purpose in (("v1.0", "ours", "git,file"), ("v1.1", "packager", "file")):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name))
        lines.append(f'{name}@example.org namespaces="{purpose}" {(tmp_path / f"{name}.pub").read_text()}')
        options = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path / name}")
        git(repository.path, *options, "tag", "-s", "-m", "", tag, "main")
    allowed = tmp_path / "allowed"
    allowed.write_text("".join(lines))
    demo = follow(tmp_path / "user", tags=[repository.path], settings=f'[signing]\nallowed_signers = "{allowed}"\n')
    demo.poll(BEGIN + 30 * DAY)
    assert worths(demo) == {"1.0": ("good", ""), "1.1": ("unknown key", "bad-signature")}


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
