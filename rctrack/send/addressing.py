"""Who gets which notice, and which notices are one mail. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rctrack.config import Config, Recipient
from rctrack.core.evidence import ProjectId
from rctrack.core.look import host_of
from rctrack.core.notice import Kind, Notice, OutageFacts, Phase, Topic, key_of, topic_of

MOST_AN_HOUR = 20
"""Mails of one class to one reader; what is more stands in the digest."""
_RELEASES = frozenset({Topic.RC, Topic.FINAL, Topic.POINT, Topic.REVIEW, Topic.ANNOUNCED})
_CLASSES = (_RELEASES, frozenset({Topic.LATE}), frozenset({Topic.UNCONFIRMED}))
"""Each with room of its own; what is in none of them, like a tag that moved, is under no cap."""

WasTold = Callable[[str, str], bool]
"""Whether the notice of this key was mailed to this reader."""
Owed = Callable[[str, frozenset[Topic]], int]
"""How many mails of these topics this reader had in the last hour."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Notices that go to one reader as one mail."""

    reader: Recipient
    topic: Topic
    project: ProjectId | None
    notices: tuple[Notice, ...]


def parcels(notices: Sequence[Notice], config: Config, was_told: WasTold, owed: Owed) -> Iterator[Parcel]:
    """What each reader gets of these notices, which are of one look; releases of one project are one mail."""
    for reader in config.mail.to:
        wanted = [notice for notice in notices if _is_for(notice, reader, config, was_told)]
        room = {group: MOST_AN_HOUR - owed(reader.address, group) for group in _CLASSES} if wanted else {}
        for topic, bundle in _bundles(wanted):
            group = next((each for each in _CLASSES if topic in each), None)
            if group is not None:
                if room[group] <= 0:
                    continue
                room[group] -= 1
            yield Parcel(reader, topic, bundle[0].project, tuple(bundle))


def _bundles(notices: Iterable[Notice]) -> Iterator[tuple[Topic, list[Notice]]]:
    """Releases together, changed tags together, every other notice by itself."""
    topics = [(topic, notice) for notice in notices if (topic := topic_of(notice)) is not None]
    for kind in (Kind.OUT, Kind.CHANGED):
        bundle = [(topic, notice) for topic, notice in topics if notice.kind is kind]
        if bundle:
            yield bundle[0][0], [notice for _, notice in bundle]
    yield from ((topic, [notice]) for topic, notice in topics if notice.kind not in (Kind.OUT, Kind.CHANGED))


def _is_for(notice: Notice, reader: Recipient, config: Config, was_told: WasTold) -> bool:
    topic = topic_of(notice)
    if notice.is_silent or topic is None or topic not in reader.topics or not _follows(notice, reader, config):
        return False
    match notice.phase:
        case Phase.FIRST:
            return reader.gets_first
        case Phase.WHOLE:
            return not was_told(_other(notice, Phase.FIRST), reader.address)
        case Phase.OVER | Phase.NEVER:
            return was_told(_other(notice, Phase.LATE), reader.address)
        case Phase.UP:
            return was_told(_other(notice, Phase.DOWN), reader.address)
        case _:
            return True


def _other(notice: Notice, phase: Phase) -> str:
    return key_of(notice.project, notice.kind, notice.subject, phase)


def _follows(notice: Notice, reader: Recipient, config: Config) -> bool:
    if notice.project is not None:
        return reader.wants(notice.project)
    hosts = notice.facts.hosts if isinstance(notice.facts, OutageFacts) else ()
    return any(
        host_of(source.source) in hosts
        for project in config.projects
        if reader.wants(project.id)
        for source in project.sources
    )
