"""A story of February 2026 with everything that a database of before migration 5 can hold.

It is played twice: by the rctrack of before notices, which makes tests/data/before-notices.sqlite.gz (see
tests/tools/before_notices.py), and on from its end by this one. So it imports only what both of them have, and says
what sources show in words of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from rctrack.core.evidence import (
    Commit,
    Instant,
    MailEvidence,
    ObjectId,
    Signature,
    SignatureEvidence,
    Station,
    StationEvidence,
    TagEvidence,
)

BEGIN = datetime(2026, 2, 2, tzinfo=UTC)
"""A Monday."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
END = BEGIN + 28 * DAY + 9 * HOUR
STEP = timedelta(minutes=170)
"""Between two looks while nothing happens."""
QUIET = 2 * HOUR
"""So long before the end nothing is sent any more: what is owed then is written by whoever goes on."""
ANN, BOB, CAT = "ann@example.org", "bob@example.org", "cat@example.org"
"""Ann reads everything, Bob what concerns Demo and its neighbours, Cat digests alone."""
EVER = datetime(2100, 1, 1, tzinfo=UTC)

MAIN = f"""\
database = "state/rctrack.db"
contact = "https://rctrack.example"
projects = ["demo", "little", "post", "clock", "metro", "three", "util-linux", "git"]

[mail]
transport = "maildir:outbox"

[[mail.to]]
address = "{ANN}"
digest = "daily 08:00"

[[mail.to]]
address = "{BOB}"
projects = ["demo", "little", "post", "clock", "metro", "three"]
send = ["alerts"]

[[mail.to]]
address = "{CAT}"
send = ["digest"]
"""


def project(name: str, *more: str) -> str:
    """A project file with these lines, and what all have in common."""
    head = f'name = "{name}"\nscheme = "dotted"\nfeature_parts = 2\ntag = "v{{version}}"\n'
    return head + "\n".join(more) + "\n"


def tags(host: str, stem: str = "demo", role: str = "primary") -> str:
    """A repository at this host."""
    return f'[[tags]]\nurl = "https://{host}/{stem}.git"\nrole = "{role}"'


def mail_list(stem: str) -> str:
    """An archive of the project's own list."""
    return (
        f'[[lists]]\nkind = "public-inbox"\nurl = "https://lists.example/{stem}"\nfrom = "kim@example.org"\n'
        f"subject = '^\\[ANNOUNCE\\] {stem} v(?P<version>\\S+)'\nserver = \"list.example\""
    )


PROJECTS = {
    "demo": project(
        "Demo",
        'expects = ["tag", "announcement"]',
        f'[signing]\nkeys = ["{"A" * 40}"]',
        tags("git.example"),
        tags("mirror.example", role="mirror"),
        mail_list("demo"),
        '[[listings]]\nkind = "releases.json"\nurl = "https://www.example/releases.json"\nmoniker = "demo"',
    ),
    "little": project("Little", tags("git.example", "little"), mail_list("little")),
    "post": project("Post", mail_list("post")),
    "clock": project("Clock", tags("git.example", "clock")),
    "metro": project("Metro", tags("git.example", "metro")),
    "three": project(
        "Three", tags("one.example", "three"), *(tags(f"{n}.example", "three", "mirror") for n in ("two", "three"))
    ),
    "util-linux": project(
        "util-linux",
        '[[lists]]\nkind = "public-inbox"\nurl = "https://lore.kernel.org/util-linux"\nfrom = "kzak@redhat.com"\n'
        r"subject = '^\[ANNOUNCE\]\s(?:.*\s)?util-linux\s(?:\w+\s)*v(?P<version>\S+)'",
        '[[tags]]\nurl = "https://git.kernel.org/pub/scm/utils/util-linux/util-linux.git"\nrole = "primary"',
    ),
    "git": project("Git", '[[tags]]\nurl = "https://git.kernel.org/pub/scm/git/git.git"\nrole = "primary"'),
}


def write_config(folder: Path, main: str = MAIN) -> Path:
    """The configuration in files; returns the main one."""
    (folder / "projects").mkdir(parents=True, exist_ok=True)
    (folder / "rctrack.toml").write_text(main, "utf-8")
    for stem, text in PROJECTS.items():
        (folder / "projects" / f"{stem}.toml").write_text(text, "utf-8")
    return folder / "rctrack.toml"


# --- What sources show -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """A good answer."""

    evidence: tuple[TagEvidence | MailEvidence | SignatureEvidence | StationEvidence, ...] = ()
    is_whole: bool = False
    newest_at: datetime | None = None
    """Of an archive: when its newest mail was delivered."""


@dataclass(frozen=True, slots=True)
class Silent:
    """None: no answer at all, or one that does not let us in."""

    reason: str
    is_blocked: bool = False


def at(days: float, hours: float = 0, minutes: float = 0) -> datetime:
    """A moment of the story."""
    return BEGIN + timedelta(days=days, hours=hours, minutes=minutes)


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag that a repository shows for a while."""

    version: str
    tagged_at: datetime
    shown_at: datetime
    until: datetime = EVER
    remade: int = 0

    @property
    def evidence(self) -> TagEvidence:
        number = f"{self.version} {self.remade}".encode().hex().ljust(40, "0")
        return TagEvidence(
            f"v{self.version}", ObjectId(f"0{number[1:]}"), Commit(f"c{number[1:]}"), Instant(self.tagged_at)
        )


def _tag(version: str, tagged_at: datetime, **more: datetime | int) -> _Tag:
    """A tag that is there from its date on."""
    return _Tag(version, tagged_at, **{"shown_at": tagged_at, **more})  # type: ignore[arg-type]


_OWN = (
    _tag("1.0", at(-60)),
    _tag("1.1-rc1", at(-20), until=at(13)),
    _tag("1.1-rc2", at(2, 12), until=at(12)),
    _Tag("1.1-rc2", at(12), at(12), remade=1),
    _tag("1.1-rc3", at(4, 12)),
    _tag("1.1-rc4", at(8, 12)),
    _tag("1.1-rc5", at(11, 12)),
    _tag("1.1-rc6", at(15, 12)),
)
"""Of Demo's own repository."""
_WEEKLY = (
    *(
        _tag(f"1.{cycle}{rc}", at(7 * (4 * cycle + number - 31) - 1))
        for cycle in range(1, 8)
        for number, rc in enumerate(("-rc1", "-rc2", "-rc3", ""))
    ),
    _tag("1.8-rc1", at(6)),
)
"""Seven cycles to the day, and the begin of one more."""
SYNCED_AT = at(29)
"""When Demo's mirror gets what it has lacked since the thirteenth day."""
TAGS: dict[str, tuple[_Tag, ...]] = {
    "tags https://git.example/demo.git": (*_OWN, _tag("1.2-rc1", at(30))),
    "tags https://mirror.example/demo.git": (
        *(replace(each, until=EVER) for each in _OWN if each.shown_at < at(12)),
        _Tag("1.1-rc6", at(15, 12), SYNCED_AT),
    ),
    "tags https://git.example/little.git": (
        _tag("0.1", at(-50)),
        _tag("0.2", at(-30)),
        _tag("0.4", at(28, 8)),
        _tag("0.3", at(30)),
    ),
    "tags https://git.example/clock.git": (*_WEEKLY, _tag("1.8-rc2", at(17)), _tag("1.8-rc3", at(28, 8))),
    "tags https://git.example/metro.git": (*_WEEKLY, _tag("1.8-rc2", at(31))),
    **{f"tags https://{n}.example/three.git": (_tag("9.0", at(-5)),) for n in ("one", "two", "three")},
}
"""What each repository shows, and when."""
_SIGNED = SignatureEvidence(_OWN[-2].evidence.object_id, Signature.BAD, None)


@dataclass(frozen=True, slots=True)
class _Mail:
    """A mail of a list."""

    subject: str
    written_at: datetime
    delivered_after: timedelta = 2 * MINUTE
    sender: str = "Kim <kim@example.org>"

    @property
    def delivered_at(self) -> datetime:
        return self.written_at + self.delivered_after

    @property
    def evidence(self) -> MailEvidence:
        key = self.subject.split()[-1]
        content = (
            f"Received: from mx.example by list.example id {key}; {format_datetime(self.delivered_at)}\n"
            f"From: {self.sender}\nDate: {format_datetime(self.written_at)}\nSubject: {self.subject}\n"
            f"Message-ID: <{key}.{self.sender[:3].lower()}@mail.example>\n\nIt is there.\n"
        )
        return MailEvidence(f"{key} {self.sender[:3]}", content.encode(), None)


def _announce(stem: str, version: str, written_at: datetime) -> _Mail:
    return _Mail(f"[ANNOUNCE] {stem} v{version}", written_at)


MAILS: dict[str, tuple[_Mail, ...]] = {
    "public-inbox https://lists.example/demo": (
        _announce("demo", "1.0", at(-60, 0, 10)),
        _announce("demo", "1.1-rc1", at(-20, 0, 10)),
        _announce("demo", "1.1-rc2", at(2, 12, 11)),
        _announce("demo", "1.1-rc3", at(6, 12)),
        _announce("demo", "1.1-rc5", at(11, 12, 10)),
        _announce("demo", "1.2-rc1", at(17, 12)),
        _Mail("[ANNOUNCE] demo v1.1-rc7", at(17, 14), sender="Mallory <mallory@example.net>"),
        _announce("demo", "1.1-rc6", at(29, 12)),
    ),
    "public-inbox https://lists.example/little": (
        _announce("little", "0.1", at(-50, 0, 10)),
        _announce("little", "0.2", at(-30, 0, 10)),
        _announce("little", "0.3", at(10, 12)),
    ),
    "public-inbox https://lists.example/post": (
        _announce("post", "3.0", at(-9)),
        _announce("post", "3.1", at(9)),
        _announce("post", "3.2", at(27)),
    ),
}
"""What each archive has; the lists have mail about other things every hour."""

DOWNS: dict[str, tuple[tuple[datetime, datetime, bool], ...]] = {
    "one.example": ((at(7), at(7, 6), False),),
    "two.example": ((at(27), at(29), False),),
    "three.example": ((at(25), at(29), True),),
}
"""From when to when each host did not answer, or (with True) did not let us in."""
LISTED = (("1.1-rc3", at(4, 13)), ("1.1-rc5", at(11, 13)))
"""What Demo's site lists, and since when."""


def shown(source: str, cursor: str | None, now: datetime) -> Shown | Silent:
    """What this source shows at that moment; `cursor` is the moment of the look before at an archive."""
    host = source.partition("://")[2].partition("/")[0]
    for since, until, is_blocked in DOWNS.get(host, ()):
        if since <= now < until:
            return Silent("403 Forbidden" if is_blocked else "connection timed out", is_blocked)
    if source in TAGS:
        signed = (_SIGNED,) if host == "git.example" and "demo" in source and now >= _OWN[-2].shown_at else ()
        there = tuple(each.evidence for each in TAGS[source] if each.shown_at <= now < each.until)
        return Shown((*there, *signed), is_whole=True)
    if source in MAILS:
        begin = datetime.fromisoformat(cursor) if cursor else datetime(2000, 1, 1, tzinfo=UTC)
        new = tuple(each.evidence for each in MAILS[source] if begin < each.delivered_at <= now)
        return Shown(new, newest_at=now - HOUR)
    listed = (StationEvidence(Station.LISTED, name, name, None) for name, since in LISTED if since <= now)
    return Shown(tuple(listed) if "releases.json" in source else ())


def moments(begin: datetime, end: datetime) -> Iterator[datetime]:
    """When to look, so that there is no hole: now and then, and close together after something happened."""
    ticks = {begin + number * STEP for number in range(int((end - begin) / STEP) + 1)}
    happened: Sequence[datetime] = [
        *(moment for shown in TAGS.values() for each in shown for moment in (each.shown_at, each.until)),
        *(each.delivered_at for mails in MAILS.values() for each in mails),
        *(moment for downs in DOWNS.values() for since, until, _ in downs for moment in (since, until)),
    ]
    ticks |= {each + number * 15 * MINUTE for each in happened for number in range(5)}
    yield from sorted(each for each in ticks if begin <= each <= end)
