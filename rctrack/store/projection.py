"""The projection: what evidence folds to, kept so that it can be listed without folding; always replaceable."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from rctrack.core.evidence import ProjectId
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended
from rctrack.core.release import Release, TimelineEntry
from rctrack.core.summary import ReleaseSummary, summary_of
from rctrack.core.version import VersionId
from rctrack.store import rows
from rctrack.store.codec import decode, encode, utc
from rctrack.store.table import Tables


class ProjectionTables(Tables):
    """The tables of releases and delays; writers are called inside a transaction of the Store."""

    # --- When a project is judged next -------------------------------------------------------------

    def revision(self, project: ProjectId) -> int:
        """How often the project was written: what was judged on an older one is judged again."""
        query = self.query("SELECT revision FROM projects WHERE project = ?", project)
        return next((int(row["revision"]) for row in query), 0)

    def next_at(self, project: ProjectId) -> datetime | None:
        """When the clock alone may change what is to be told of the project."""
        query = self.query("SELECT next_at FROM projects WHERE project = ?", project)
        return next((rows.moment(row["next_at"]) for row in query), None)

    def awaits_proof(self, project: ProjectId) -> bool:
        """Whether something is to be judged as soon as a source is proved alive."""
        query = self.query("SELECT awaits_proof FROM projects WHERE project = ?", project)
        return any(row["awaits_proof"] for row in query)

    def advance(self, project: ProjectId, revision: int, next_at: datetime | None, *, awaits_proof: bool) -> bool:
        """Makes the revision after that one the project's; returns False, and does nothing, where it is another."""
        self.connection.execute("INSERT OR IGNORE INTO projects (project) VALUES (?)", (project,))
        done = self.connection.execute(
            "UPDATE projects SET revision = revision + 1, next_at = ?, awaits_proof = ?"
            " WHERE project = ? AND revision = ?",
            (utc(next_at), int(awaits_proof), project, revision),
        )
        return done.rowcount == 1

    # --- Releases ----------------------------------------------------------------------------------

    def put_releases(self, project: ProjectId, releases: Mapping[VersionId, Release]) -> list[str]:
        """The fold, instead of the one before; returns the versions that changed, came or went."""
        query = self.query("SELECT version_id, position, release FROM releases WHERE project = ?", project)
        known = {row["version_id"]: (row["position"], row["release"]) for row in query}
        entries = self._timelines(project)
        changed, moved, retimed = [], [], []
        for position, release in enumerate(releases.values()):
            text = encode(summary_of(release))
            before = known.pop(release.version.id, None)
            if before != (position, text):
                moved.append({
                    "project": project, "version_id": release.version.id, "cycle_id": release.version.cycle_id,
                    "position": position, "release": text,
                })  # fmt: skip
            if before is None or before[1] != text:
                changed.append(release.version.text)
            timeline = [{"position": i, **_entry_row(entry)} for i, entry in enumerate(release.timeline)]
            if timeline != entries.get(release.version.id, []):
                retimed.append((release.version.id, timeline))
        self._upsert(moved)
        self._put_timelines(project, retimed)
        self.connection.executemany(
            "DELETE FROM releases WHERE project = ? AND version_id = ?", [(project, gone) for gone in known]
        )
        return changed + [json.loads(text)["version"] for _, text in known.values()]

    def known_versions(self, project: ProjectId) -> frozenset[VersionId]:
        """The versions that the projection holds."""
        query = self.query("SELECT version_id FROM releases WHERE project = ?", project)
        return frozenset(VersionId(row["version_id"]) for row in query)

    def releases(self, project: ProjectId, cycle_id: VersionId | None = None) -> list[tuple[VersionId, ReleaseSummary]]:
        """The releases in the words of the contract, oldest version first."""
        query = self.query(
            "SELECT version_id, release FROM releases WHERE project = ? AND (? IS NULL OR cycle_id = ?)"
            " ORDER BY position",
            project, cycle_id, cycle_id,
        )  # fmt: skip
        return [(VersionId(row["version_id"]), decode(ReleaseSummary, row["release"])) for row in query]

    def spelled(self, project: ProjectId) -> dict[VersionId, str]:
        """How each version of a project is written."""
        query = self.query("SELECT version_id, version FROM releases WHERE project = ?", project)
        return {VersionId(row["version_id"]): row["version"] for row in query}

    def newest(self, project: ProjectId) -> ReleaseSummary | None:
        """The release that was made last."""
        query = self.query(
            "SELECT release FROM releases WHERE project = ? ORDER BY made_at DESC NULLS LAST, position DESC LIMIT 1",
            project,
        )
        return next((decode(ReleaseSummary, row["release"]) for row in query), None)

    def waiting_since(self, project: ProjectId, begin: datetime) -> datetime | None:
        """The first tag since `begin` whose release, like all later ones of its cycle, has no mail; None: no such."""
        query = self.query(
            "SELECT min(tagged_at) AS first FROM releases LEFT JOIN (SELECT cycle_id, max(position) AS last"
            " FROM releases WHERE project = ? AND announced_at IS NOT NULL GROUP BY cycle_id) USING (cycle_id)"
            " WHERE project = ? AND tagged_at > ? AND announced_at IS NULL AND (last IS NULL OR position > last)",
            project, project, utc(begin),
        )  # fmt: skip
        return rows.moment(next(query)["first"])

    def lacks_counts(self, project: ProjectId) -> bool:
        """Whether any release still waits for its count or its tag's date."""
        query = self.query(
            "SELECT 1 FROM releases WHERE project = ? AND object_id IS NOT NULL"
            " AND (tagged_at IS NULL OR previous IS NOT NULL AND commits IS NULL) LIMIT 1",
            project,
        )
        return next(query, None) is not None

    def _upsert(self, releases: list[dict[str, Any]]) -> None:
        self.connection.executemany(
            "INSERT INTO releases (project, version_id, cycle_id, position, release)"
            " VALUES (:project, :version_id, :cycle_id, :position, :release) ON CONFLICT (project, version_id)"
            " DO UPDATE SET cycle_id = :cycle_id, position = :position, release = :release",
            releases,
        )

    def _put_timelines(self, project: ProjectId, timelines: Collection[tuple[VersionId, list[dict[str, Any]]]]) -> None:
        self.connection.executemany(
            "DELETE FROM timeline WHERE project = ? AND version_id = ?", [(project, key) for key, _ in timelines]
        )
        self.add(
            "timeline",
            ({"project": project, "version_id": key, **entry} for key, entries in timelines for entry in entries),
        )

    def _timelines(self, project: ProjectId) -> dict[str, list[dict[str, Any]]]:
        timelines: dict[str, list[dict[str, Any]]] = {}
        for row in self.query("SELECT * FROM timeline WHERE project = ? ORDER BY version_id, position", project):
            entry = {key: value for key, value in row.items() if key not in ("project", "version_id")}
            timelines.setdefault(row["version_id"], []).append(entry)
        return timelines

    # --- Delays ------------------------------------------------------------------------------------

    def put_delays(self, project: ProjectId, delays: Iterable[Delay]) -> None:
        """The delays of a project, instead of those before."""
        wanted = [_delay_row(delay) for delay in delays]
        known = [dict(row) for row in self.query("SELECT * FROM delays WHERE project = ? ORDER BY rowid", project)]
        if known != wanted:
            self.connection.execute("DELETE FROM delays WHERE project = ?", (project,))
            self.add("delays", wanted)

    def delays(self, project: ProjectId | None = None) -> list[Delay]:
        """All delays of a project, or of all, in the order in which they began."""
        query = self.query(
            "SELECT * FROM delays WHERE ? IS NULL OR project = ? ORDER BY since, project, version_id, kind, place",
            project, project,
        )  # fmt: skip
        return [_delay(row) for row in query]


def _entry_row(entry: TimelineEntry) -> dict[str, Any]:
    columns = rows.instant_columns("entry", entry.at)
    return {
        "station": entry.station,
        "at": columns["entry_at"],
        "at_offset": columns["entry_offset"],
        "after": utc(entry.after),
        "precision": entry.precision,
        "source": entry.source,
        "evidence": entry.evidence,
    }


def _delay_row(delay: Delay) -> dict[str, Any]:
    return {
        "project": delay.project,
        "version_id": delay.version,
        "kind": delay.kind,
        "place": delay.where,
        "since": utc(delay.since),
        "limit_seconds": int(delay.limit.total_seconds()),
        "until": utc(delay.until),
        "cause": delay.cause,
        "ended": delay.ended,
        "proven_at": utc(delay.proven_at),
    }


def _delay(row: Mapping[str, Any]) -> Delay:
    return Delay(
        project=ProjectId(row["project"]),
        version=VersionId(row["version_id"]),
        kind=DelayKind(row["kind"]),
        where=row["place"],
        since=rows.needed(row["since"]),
        limit=timedelta(seconds=row["limit_seconds"]),
        until=rows.moment(row["until"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        ended=Ended(row["ended"]) if row["ended"] else None,
        proven_at=rows.moment(row["proven_at"]),
    )
