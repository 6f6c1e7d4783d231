"""A stretch of history to be replayed: what each source could show from which moment on, and when it was down."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from rctrack.config.kinds import ListingConfig
from rctrack.config.projects import (
    ListConfig,
    ProjectConfig,
    SourceConfig,
    TagsConfig,
    read_list,
    read_listing,
    read_tags,
)
from rctrack.config.table import Table
from rctrack.core.evidence import Commit, Evidence, Instant, MailEvidence, ObjectId, SourceId, TagEvidence
from rctrack.core.version import parse_version


@dataclass(frozen=True, slots=True)
class Down:
    """A time in which a source did not answer."""

    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Feed:
    """What one source could show, and when."""

    evidence: tuple[tuple[datetime, Evidence], ...]
    """Each from that moment on, ascending."""
    downs: tuple[Down, ...] = ()
    deliveries: tuple[tuple[datetime, datetime], ...] = ()
    """(delivered, archived) of an archive's mails, by when they were archived."""
    is_alive: bool = False
    """Something came there all the time, though it is not recorded: mail to a busy list, commits to a repository."""
    begins_at: datetime | None = None
    """When the archive's oldest mail was delivered."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A project's sources as they were."""

    project: ProjectConfig
    """With the sources that it had then."""
    begin: datetime
    end: datetime
    feeds: dict[SourceId, Feed]
    followed_from: dict[SourceId, datetime]
    """For a source that was followed only later than from the begin."""
    by_day: tuple[str, ...] = ()
    """What is known to a day only, with how it is known, in words."""

    def moments(self) -> Iterator[datetime]:
        """When something could be seen for the first time, or a source went or came back; in no order."""
        for feed in self.feeds.values():
            yield from (at for at, _ in feed.evidence)
            for down in feed.downs:
                yield from (down.since, down.until)


@dataclass(frozen=True, slots=True)
class _Facts:
    """A release as a recording tells it."""

    tag: str
    subject: str
    commit: str
    tagged: datetime | None
    visible: datetime | None
    announced: datetime | None
    delivered: datetime | None
    git_url: str
    """That its mail names."""
    by_day: tuple[str, ...]
    """What of it is known to a day only."""


def read_recording(path: Path, project: ProjectConfig) -> Recording:
    """The recording in this file, of this project; ConfigError where it cannot be read.

    A moment that is good to a day only is written as a day, and played at its noon in UTC, or with the tag if that
    was later: what is known to a day makes no delay.
    """
    table = Table.read(path)
    table.choice("project", (project.id,), None)
    begin, end = _span(table, "begin", "end")
    sender = table.text("from", "")
    facts = [_facts(each, project) for each in table.tables("releases")]
    sources: list[SourceConfig] = []
    feeds: dict[SourceId, Feed] = {}
    later: dict[SourceId, datetime] = {}
    for each in table.tables("sources"):
        downs = tuple(_down(one) for one in each.tables("down"))
        since = each.moment("since") if "since" in each.values else None
        source = _source(each, path)
        feed = _feed(source, facts, sender, downs, since or begin)
        sources.append(source)
        feeds[source.source] = feed
        if since:
            later[source.source] = since
    table.finish()
    recorded = replace(
        project,
        tags=tuple(each for each in sources if isinstance(each, TagsConfig)),
        lists=tuple(each for each in sources if isinstance(each, ListConfig)),
        listings=tuple(each for each in sources if isinstance(each, ListingConfig)),
        rules=replace(
            project.rules,
            primaries=frozenset(each.source for each in sources if isinstance(each, TagsConfig) and each.is_primary),
        ),
    )
    by_day = tuple(line for each in facts for line in each.by_day)
    return Recording(recorded, begin, end, feeds, later, by_day)


def _source(table: Table, path: Path) -> SourceConfig:
    what = table.choice("what", ("tags", "list", "listing"), None)
    table.text("how_known", "")
    if what == "tags":
        return read_tags(table, path)
    if what == "listing":
        return read_listing(table, path)
    source = read_list(table, path)
    if not source.rules.servers:
        table.fail("server", [], "the host at which the list takes mail")
    return source


def _down(table: Table) -> Down:
    down = Down(*_span(table, "since", "until"), table.text("reason", None))
    table.text("how_known", "")
    table.finish()
    return down


def _facts(table: Table, project: ProjectConfig) -> _Facts:
    text = table.text("version", None)
    version = parse_version(project.rules.scheme, text)
    if version is None:
        table.fail("version", text, f"a version of the scheme {project.rules.scheme}")
    moments = {key: _moment(table, key) for key in ("tagged", "visible", "announced", "delivered")}
    tagged = moments["tagged"]
    known = _how_known(table, tuple(moments))
    by_day = []
    for key, at in moments.items():
        if at is not None and type(table.values[key]) is date:
            by_day.append(f"{text} {key} on {at:%-d %b %Y}: {known[key]}")
            moments[key] = max(at, tagged) if tagged and key in ("announced", "delivered") else at
    template = project.rules.tag_templates[0]
    facts = _Facts(
        tag=template.replace("{version}", text),
        subject=table.text("subject", f"{project.name} {text}"),
        commit=table.text("commit", ""),
        git_url=table.text("git_url", ""),
        by_day=tuple(by_day),
        **moments,
    )
    table.finish()
    return facts


def _how_known(table: Table, keys: tuple[str, ...]) -> dict[str, str]:
    """How each fact of a release is known: one text for all, or a table with one for each."""
    if not isinstance(table.values.get("how_known"), dict):
        return dict.fromkeys(keys, table.text("how_known", "not said"))
    told = table.table("how_known")
    known = {key: told.text(key, "not said") for key in (*keys, "commit")}
    told.finish()
    return known


def _span(table: Table, begin: str, end: str) -> tuple[datetime, datetime]:
    """Two moments of which the second is the later one."""
    span = table.moment(begin), table.moment(end)
    if span[1] <= span[0]:
        table.fail(end, table.values[end].isoformat(), f"a moment after {begin}")
    return span


def _moment(table: Table, key: str) -> datetime | None:
    return table.moment(key) if key in table.values else None


def _feed(source: SourceConfig, facts: list[_Facts], sender: str, downs: tuple[Down, ...], since: datetime) -> Feed:
    evidence: list[tuple[datetime, Evidence]] = []
    for each in facts:
        if isinstance(source, TagsConfig) and (seen_at := each.visible or each.tagged):
            tagged = (
                Instant(each.tagged.astimezone(UTC), each.tagged.utcoffset() or timedelta(0)) if each.tagged else None
            )
            evidence.append((seen_at, TagEvidence(each.tag, ObjectId(each.commit), Commit(each.commit), tagged)))
        elif isinstance(source, ListConfig) and each.announced:
            mail = MailEvidence(each.tag, _mail(each, sender, source.rules.servers[0]), None)
            evidence.append((each.delivered or each.announced, mail))
    return Feed(
        tuple(sorted(evidence, key=lambda each: each[0])),
        downs,
        is_alive=isinstance(source, ListConfig),
        begins_at=since if isinstance(source, ListConfig) else None,
    )


def _instant(moment: datetime | None) -> Instant | None:
    return None if moment is None else Instant(moment.astimezone(UTC), moment.utcoffset() or timedelta(0))


def _mail(facts: _Facts, sender: str, server: str) -> bytes:
    """The facts of an announcement in the form in which archives have them, for the one recogniser."""
    if facts.announced is None:
        return b""
    lines = [
        f"From: {sender}",
        f"Date: {format_datetime(facts.announced)}",
        f"Subject: {facts.subject}",
        f"Message-ID: <{facts.tag}@recorded.invalid>",
    ]
    if facts.delivered:
        taken = format_datetime(facts.delivered.astimezone(UTC))
        lines.insert(0, f"Received: from sender.invalid by {server} id {facts.tag}; {taken}")
    return ("\n".join([*lines, "", facts.git_url]) + "\n").encode()
