"""A release in the words of the contract (DESIGN section 5): what scripts get, and what listings show."""

from dataclasses import dataclass
from datetime import datetime

from rctrack.core.evidence import Commit, Instant, MessageId, ObjectId, ProjectId, Signature
from rctrack.core.release import Flag, Release


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """The keys of a release in JSON, in their order; scripts depend on them. A new key goes to the end."""

    project: ProjectId
    version: str
    cycle: str | None
    rc: int | None
    """None for a final."""
    tag: str | None
    object_id: ObjectId | None
    commit: Commit | None
    previous: str | None
    tagged_at: datetime | None
    pushed_at: datetime | None
    announced_at: datetime | None
    delivered_at: datetime | None
    archived_at: datetime | None
    listed_at: datetime | None
    first_seen_at: datetime
    commits: int | None
    commits_no_merges: int | None
    commits_announced: int | None
    message_id: MessageId | None
    url: str | None
    flags: tuple[Flag, ...]
    authors: int | None
    first_time_authors: int | None
    made_at: datetime | None
    """Its tag's date, else its mail's, as far as they can be believed."""
    signature: Signature | None = None
    """Of its tag; None where signatures are not checked."""


def summary_of(release: Release) -> ReleaseSummary:
    """The release as the contract has it."""
    return ReleaseSummary(
        project=release.project,
        version=release.version.text,
        cycle=release.cycle,
        rc=release.version.rc,
        tag=release.tag,
        object_id=release.object_id,
        commit=release.commit,
        previous=release.previous.text if release.previous else None,
        tagged_at=_at(release.tagged),
        pushed_at=_at(release.pushed),
        announced_at=_at(release.announced),
        delivered_at=_at(release.delivered),
        archived_at=_at(release.archived),
        listed_at=_at(release.listed),
        first_seen_at=release.first_seen_at,
        commits=release.commits,
        commits_no_merges=release.commits_no_merges,
        commits_announced=release.commits_announced,
        message_id=release.message_id,
        url=release.url,
        flags=tuple(sorted(release.flags)),
        authors=release.authors,
        first_time_authors=release.first_time_authors,
        made_at=release.made_at,
        signature=release.signature.signature if release.signature else None,
    )


def _at(instant: Instant | None) -> datetime | None:
    return instant.at if instant else None
