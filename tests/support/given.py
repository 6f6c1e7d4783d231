"""Words that the tests of the core share: a version, an instant, a tag, a mail."""

from datetime import UTC, datetime, timedelta

from rctrack.core.evidence import Commit, Instant, MessageId, ObjectId, ProjectId, Sighting, SourceId
from rctrack.core.release import Announcement, TagObservation
from rctrack.core.rules import ListRules, ProjectRules
from rctrack.core.version import FeatureParts, Version, parse_version

PROJECT = ProjectId("demo")
PRIMARY = SourceId("tags https://primary.example/demo.git")
MIRROR = SourceId("tags https://mirror.example/demo.git")
LIST = SourceId("public-inbox https://lists.example/demo")
OTHER_LIST = SourceId("public-inbox https://lists.example/other")

TWO_PARTS = FeatureParts((((), 2),))
RULES = ProjectRules(
    scheme="dotted",
    feature_parts=TWO_PARTS,
    tag_templates=("v{version}",),
    ignore_tags=None,
    primaries=frozenset({PRIMARY}),
)
LIST_RULES = ListRules(
    senders=frozenset({"maintainer@example.org"}),
    subject=r"^\[ANNOUNCE\] demo v(?P<version>\S+)",
    servers=("list.example.org",),
    link="https://lists.example/demo/{message_id}/",
)


def version(text: str, scheme: str = "dotted") -> Version:
    """The version that this text spells."""
    parsed = parse_version(scheme, text)
    assert parsed is not None, text
    return parsed


def moment(text: str) -> datetime:
    """A moment of UTC, as in "2026-03-24 12:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instant(text: str, hours: float = 0) -> Instant:
    """A moment of UTC, written in a zone that is this many hours east."""
    return Instant(moment(text), timedelta(hours=hours))


def sighting(source: SourceId, seen: str, not_seen: str | None = None) -> Sighting:
    """Seen then, and not at the good look before."""
    return Sighting(source, moment(seen), moment(not_seen) if not_seen else None)


def tag(
    name: str,
    tagged: str | None,
    seen: Sighting | None = None,
    *,
    object_id: str | None = None,
    commit: str | None = None,
    withdrawn: bool = False,
) -> TagObservation:
    """A tag of the demo project; ids are made from the name unless they are given."""
    return TagObservation(
        version=version(name.removesuffix("-dontuse")),
        tag=name,
        object_id=ObjectId(object_id or f"object of {name}"),
        commit=Commit(commit or f"commit of {name}"),
        tagged=instant(tagged) if tagged else None,
        withdrawn=withdrawn,
        sighting=seen or sighting(PRIMARY, "2026-06-01 00:00"),
    )


def announcement(
    names: str,
    announced: str | None,
    seen: Sighting | None = None,
    *,
    message_id: str | None = None,
    delivered: str | None = None,
    archived: str | None = None,
    commits: int | None = None,
) -> Announcement:
    """A mail that announces versions, in words separated by a space."""
    return Announcement(
        versions=tuple(map(version, names.split())),
        message_id=MessageId(message_id or f"{names.replace(' ', '+')}@example.org"),
        subject=f"[ANNOUNCE] demo {names}",
        sender="maintainer@example.org",
        announced=instant(announced) if announced else None,
        delivered=instant(delivered) if delivered else None,
        archived=instant(archived) if archived else None,
        commits_announced=commits,
        url=None,
        sighting=seen or sighting(LIST, "2026-06-01 00:00"),
    )
