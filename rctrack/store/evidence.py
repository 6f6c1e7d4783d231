"""Evidence: only ever added, each piece once by its natural key; and what mails were recognised as."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from rctrack.core.evidence import (
    AbsenceEvidence,
    Commit,
    CountEvidence,
    HeadEvidence,
    MailEvidence,
    ObjectId,
    Observer,
    ProjectId,
    Sighting,
    Signature,
    SignatureEvidence,
    SourceId,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.release import Announcement, Unrecognised
from rctrack.store import rows
from rctrack.store.codec import decode, encode, utc
from rctrack.store.table import Tables

TagSighting = tuple[TagEvidence, Sighting]


class EvidenceTables(Tables):
    """The tables of evidence; writers are called inside a transaction of the Store."""

    # --- Tags --------------------------------------------------------------------------------------

    def add_tags(self, project: ProjectId, tags: Iterable[TagSighting]) -> int:
        """Stores tags that were not known; returns how many those were."""
        return self.add(
            "tags", ({"project": project, **rows.tag_row(tag, seen)} for tag, seen in self.new_tags(project, tags))
        )

    def new_tags(self, project: ProjectId, tags: Iterable[TagSighting]) -> list[TagSighting]:
        """Those of the tags that are not stored."""
        offered = list(tags)
        known: set[tuple[str, str, str, str, str | None]] = set()
        for source in {seen.source for _, seen in offered}:
            # A repository may have a hundred thousand, and one of them is new.
            known.update(
                self.connection.execute(
                    "SELECT source, observer, tag, object_id, tagged_at FROM tags WHERE project = ? AND source = ?",
                    (project, source),
                )
            )
        return [
            (tag, seen)
            for tag, seen in offered
            if (seen.source, seen.observer, tag.tag, tag.object_id, rows.tagged_at(tag)) not in known
        ]

    def tags(self, project: ProjectId) -> list[TagSighting]:
        """Every tag that any source of the project has shown, in the order in which they came."""
        query = self.query("SELECT * FROM tags WHERE project = ? ORDER BY id", project)
        return [(rows.tag(row), rows.sighting(row)) for row in query]

    def tags_shown(self, project: ProjectId, source: SourceId, observer: Observer) -> dict[str, ObjectId]:
        """Every tag that a source has ever shown to this observer, and its newest object there."""
        query = self.query(
            "SELECT tag, object_id FROM tags WHERE project = ? AND source = ? AND observer = ? ORDER BY id",
            project, source, observer,
        )  # fmt: skip
        return {row["tag"]: ObjectId(row["object_id"]) for row in query}

    def add_absences(self, project: ProjectId, absences: Iterable[AbsenceEvidence]) -> int:
        """Stores looks that missed a tag, or found it again; returns how many."""
        return self.add("absences", ({"project": project, **rows.absence_row(each)} for each in absences))

    def absences(self, project: ProjectId) -> list[AbsenceEvidence]:
        """Every look that missed a tag, or found it again."""
        return [rows.absence(row) for row in self.query("SELECT * FROM absences WHERE project = ?", project)]

    def journal(self, project: ProjectId, source: SourceId, observer: Observer) -> list[AbsenceEvidence]:
        """The looks of one observer at one source among these."""
        sightings = ((each, each.sighting) for each in self.absences(project))
        return [each for each, seen in sightings if (seen.source, seen.observer) == (source, observer)]

    def add_head(self, project: ProjectId, head: HeadEvidence, sighting: Sighting) -> int:
        """Stores what HEAD names at a host if that is another object than at the look before."""
        heads = self._heads(project, sighting.source)
        if heads and heads[0]["object_id"] == head.object_id:
            return 0
        row = {"project": project, "object_id": head.object_id, **rows.sighting_columns(sighting)}
        return self.add("heads", [row])

    def head(self, project: ProjectId, source: SourceId) -> ObjectId | None:
        """What HEAD of a host named last; None if it never told."""
        return next((ObjectId(row["object_id"]) for row in self._heads(project, source)), None)

    def head_moved_at(self, project: ProjectId, source: SourceId) -> datetime | None:
        """When HEAD was last seen to have moved at a host; None if it never was."""
        heads = self._heads(project, source)
        return rows.needed(heads[0]["seen_at"]) if len(heads) > 1 else None

    def _heads(self, project: ProjectId, source: SourceId) -> list[dict[str, Any]]:
        """The last two, newest first."""
        query = self.query(
            "SELECT * FROM heads WHERE project = ? AND source = ? ORDER BY seen_at DESC, id DESC LIMIT 2",
            project, source,
        )  # fmt: skip
        return list(query)

    # --- Counts and signatures ---------------------------------------------------------------------

    def add_counts(self, project: ProjectId, counts: Iterable[CountEvidence], now: datetime) -> int:
        """Stores counts that were not known; returns how many those were."""
        return self.add(
            "counts",
            (
                {
                    "project": project,
                    "base": count.base,
                    "commit": count.commit,
                    "commits": count.commits,
                    "commits_no_merges": count.commits_no_merges,
                    "authors": count.authors,
                    "first_time_authors": count.first_time_authors,
                    "counted_at": utc(now),
                }
                for count in counts
            ),
        )

    def counts(self, project: ProjectId) -> dict[tuple[Commit, Commit], CountEvidence]:
        """Every count by (base, commit); of several the one that says most."""
        query = self.query("SELECT * FROM counts WHERE project = ? ORDER BY first_time_authors IS NOT NULL", project)
        return {(count.base, count.commit): count for count in map(rows.count, query)}

    def add_signatures(
        self, project: ProjectId, expected: str, signatures: Iterable[SignatureEvidence], now: datetime
    ) -> int:
        """Stores what was found about signatures where these were expected; returns how many were new."""
        return self.add(
            "signatures",
            (
                {
                    "project": project,
                    "object_id": each.object_id,
                    "expected": expected,
                    "signature": each.signature,
                    "signer": each.signer,
                    "checked_at": utc(now),
                }
                for each in signatures
            ),
        )

    def signatures(self, project: ProjectId, expected: str) -> dict[ObjectId, SignatureEvidence]:
        """What was found about each tag object while these signatures were expected."""
        query = self.query("SELECT * FROM signatures WHERE project = ? AND expected = ?", project, expected)
        return {
            ObjectId(row["object_id"]): SignatureEvidence(
                ObjectId(row["object_id"]), Signature(row["signature"]), row["signer"]
            )
            for row in query
        }

    # --- Sites -------------------------------------------------------------------------------------

    def add_stations(self, project: ProjectId, stations: Iterable[tuple[StationEvidence, Sighting]]) -> int:
        """Stores what a project's site says and was not known; returns how much."""
        return self.add("stations", ({"project": project, **rows.station_row(*each)} for each in stations))

    def stations(self, project: ProjectId) -> list[tuple[StationEvidence, Sighting]]:
        """All that the project's site has said."""
        query = self.query("SELECT * FROM stations WHERE project = ?", project)
        return [(rows.station(row), rows.sighting(row)) for row in query]

    # --- Mails -------------------------------------------------------------------------------------

    def add_mail(self, project: ProjectId, mail: MailEvidence, sighting: Sighting) -> tuple[int, bool]:
        """Stores a mail unless it is known, and who saw it; returns its id, and whether it is new to this observer."""
        content = {"key": mail.key, "content": mail.content, **rows.instant_columns("archived", mail.archived)}
        self.add("mails", [{"project": project, "source": sighting.source, **content}])
        [row] = self.query(
            "SELECT id FROM mails WHERE project = ? AND source = ? AND key = ?", project, sighting.source, mail.key
        )
        columns = rows.sighting_columns(sighting)
        del columns["source"]
        return int(row["id"]), self.add("mail_sightings", [{"mail_id": row["id"], **columns}]) > 0

    def mail_keys(self, project: ProjectId, source: SourceId, observer: Observer) -> set[str]:
        """What this observer has seen of the mails of a source."""
        query = self.query(
            "SELECT key FROM mails JOIN mail_sightings ON mail_id = mails.id"
            " WHERE project = ? AND source = ? AND observer = ?",
            project, source, observer,
        )  # fmt: skip
        return {row["key"] for row in query}

    def mails(self, project: ProjectId) -> Iterator[tuple[int, MailEvidence, Sighting]]:
        """Every stored mail of the project as it was first seen, one in memory at a time."""
        ids = [row["id"] for row in self.query("SELECT id FROM mails WHERE project = ? ORDER BY id", project)]
        for mail_id in ids:
            for row in self.query(f"{_MAILS} WHERE mails.id = ? ORDER BY seen_at LIMIT 1", mail_id):
                yield mail_id, rows.mail(row), rows.sighting(row)

    def put_reading(
        self, project: ProjectId, mail_id: int, key: str, source: SourceId, reading: Announcement | Unrecognised | None,
        now: datetime,
    ) -> None:  # fmt: skip
        """What a mail was recognised as, instead of what it was before."""
        self.connection.execute("DELETE FROM announcements WHERE mail_id = ?", (mail_id,))
        self.connection.execute(
            "DELETE FROM unrecognised WHERE project = ? AND source = ? AND key = ?", (project, source, key)
        )
        match reading:
            case Announcement():
                row = {"mail_id": mail_id, "project": project, "source": source, "reading": encode(reading)}
                self.add("announcements", [row])
            case Unrecognised():
                self._put_unrecognised(project, source, [reading], now)
            case None:
                pass

    def announcements(self, project: ProjectId, scheme: str) -> list[Announcement]:
        """The accepted mails as they were recognised, each as every observer saw it."""
        query = self.query(
            "SELECT reading, announcements.source, mail_sightings.* FROM announcements"
            " JOIN mail_sightings USING (mail_id) WHERE announcements.project = ?",
            project,
        )
        found = []
        for row in query:
            with suppress(TypeError, ValueError):  # of another version of rctrack: it is read again at the next look
                reading = decode(Announcement, row["reading"], scheme)
                if reading.versions:
                    found.append(replace(reading, sighting=rows.sighting(row)))
        return found

    # --- What could not be read --------------------------------------------------------------------

    def put_unrecognised_tags(self, project: ProjectId, tags: Iterable[tuple[Unrecognised, Sighting]]) -> None:
        """The tags that are no releases, instead of those that were not before."""
        self.connection.execute("DELETE FROM unrecognised WHERE project = ? AND source LIKE 'tags %'", (project,))
        for unrecognised, sighting in tags:
            self._put_unrecognised(project, sighting.source, [unrecognised], sighting.seen_at)

    def unrecognised(self, project: ProjectId) -> list[tuple[SourceId, Unrecognised, datetime]]:
        """What looked like a release and could not be read as one, and since when it is known; oldest first."""
        query = self.query("SELECT * FROM unrecognised WHERE project = ? ORDER BY seen_at, source, key", project)
        return [
            (
                SourceId(row["source"]),
                Unrecognised(row["subject"], row["key"], row["reason"]),
                rows.needed(row["seen_at"]),
            )
            for row in query
        ]

    def _put_unrecognised(
        self, project: ProjectId, source: SourceId, unrecognised: Iterable[Unrecognised], at: datetime
    ) -> None:
        self.add(
            "unrecognised",
            (
                {
                    "project": project,
                    "source": source,
                    "key": each.key,
                    "subject": each.subject[:1000],
                    "reason": each.reason,
                    "seen_at": utc(at),
                }
                for each in unrecognised
            ),
            conflict="REPLACE",
        )


_MAILS = "SELECT mails.*, mail_sightings.* FROM mails JOIN mail_sightings ON mail_id = mails.id"


def reading_of(row: Mapping[str, Any]) -> str:
    """The reading of an announcement as the tables before migration 5 had it."""
    instants = {
        name: None if row[f"{name}_at"] is None else {"at": row[f"{name}_at"], "offset": row[f"{name}_offset"] * 60.0}
        for name in ("announced", "delivered", "archived")
    }
    longest = None
    if row["held_until_at"] is not None:
        longest = {"at": row["held_at"], "until_at": row["held_until_at"], "span": float(row["held_seconds"])}
    plain = {
        name: row[name]
        for name in (
            "message_id", "subject", "sender", "commits_announced", "url", "promised", "git_url", "contradiction",
        )
    }  # fmt: skip
    versions = {name: json.loads(row[name]) for name in ("versions", "alternatives")}
    # Who saw the mail stands with the mail.
    nobody = {"source": "", "seen_at": "1970-01-01T00:00:00Z", "not_seen_at": None}
    reading = {**versions, **plain, **instants, "longest_wait": longest, "sighting": nobody}
    return json.dumps(reading, separators=(",", ":"), ensure_ascii=False)
