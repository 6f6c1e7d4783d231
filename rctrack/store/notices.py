"""Notices: what was told, appended once and never changed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rctrack.core.evidence import ProjectId
from rctrack.core.notice import FACTS, DueFacts, Kind, Notice, Phase
from rctrack.core.version import VersionId
from rctrack.store import rows
from rctrack.store.codec import decode, encode, utc
from rctrack.store.table import Tables


class NoticeTable(Tables):
    """The table of notices; its writer is called inside a transaction of the Store."""

    def append(self, notices: Iterable[Notice]) -> int:
        """Adds notices whose keys are new; returns how many those were."""
        return self.add("notices", (_row(notice) for notice in notices))

    def of_project(self, project: ProjectId | None) -> dict[str, Notice]:
        """What was told of a project, or of hosts, by key; of a forecast the newest."""
        query = self.query("SELECT *, max(revision) FROM notices WHERE project IS ? GROUP BY key ORDER BY key", project)
        return {row["key"]: _notice(row) for row in query}

    def newest_due(self, project: ProjectId) -> DueFacts | None:
        """What is forecast to come next of a project."""
        query = self.query(
            "SELECT * FROM notices WHERE project = ? AND kind = 'due' ORDER BY revision DESC LIMIT 1", project
        )
        facts = next((_notice(row).facts for row in query), None)
        return facts if isinstance(facts, DueFacts) else None

    def dues(self, project: ProjectId) -> tuple[DueFacts, ...]:
        """The newest forecast that was made after each release."""
        query = self.query(
            "SELECT facts, max(revision) AS revision FROM notices WHERE project = ? AND kind = 'due'"
            " GROUP BY json_extract(facts, '$.after') ORDER BY revision",
            project,
        )
        return tuple(decode(DueFacts, row["facts"]) for row in query)

    def newest(self) -> int:
        """The number of the notice that was appended last, forecasts aside; 0 where there is none."""
        return int(next(self.query("SELECT coalesce(max(id), 0) AS id FROM notices WHERE kind != 'due'"))["id"])

    def between(self, since: datetime, until: datetime, project: ProjectId | None = None) -> list[Notice]:
        """What was told in this time, of one project or of all and of hosts; oldest first."""
        query = self.query(
            "SELECT * FROM notices WHERE said_at >= ? AND said_at < ? AND (? IS NULL OR project = ?) ORDER BY id",
            utc(since), utc(until), project, project,
        )  # fmt: skip
        return [_notice(row) for row in query]


def _row(notice: Notice) -> dict[str, Any]:
    return {
        "key": notice.key,
        "revision": notice.revision,
        "project": notice.project,
        "kind": notice.kind,
        "subject": notice.subject,
        "phase": notice.phase,
        "version_id": notice.version,
        "said_at": utc(notice.said_at),
        "is_silent": int(notice.is_silent),
        "facts": encode(notice.facts),
    }


def _notice(row: Mapping[str, Any]) -> Notice:
    kind = Kind(row["kind"])
    return Notice(
        kind=kind,
        project=ProjectId(row["project"]) if row["project"] else None,
        subject=row["subject"],
        phase=Phase(row["phase"]),
        said_at=rows.needed(row["said_at"]),
        facts=decode(FACTS[kind], row["facts"]),
        version=VersionId(row["version_id"]) if row["version_id"] else None,
        revision=row["revision"],
        is_silent=bool(row["is_silent"]),
    )
