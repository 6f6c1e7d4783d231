"""A site's own list of its current releases as kernel.org serves it: releases.json.

Its rows carry the day of the release, not the moment from which on the site showed it; so that moment is where our
own looks put it: after the last one without the version, at or before the first one with it.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rctrack.config import ListingConfig, ProjectConfig
from rctrack.core.evidence import Station, StationEvidence
from rctrack.core.look import Outcome
from rctrack.sources.protocol import Answer, Failed, Good, Tools, web_failure
from rctrack.web import WebError

_MOST_BYTES = 2**20
_MOST_VERSION = 100


@dataclass(frozen=True, slots=True)
class ReleasesJson:
    """One such file; the rows of some monikers are the project's."""

    config: ListingConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The versions that are listed now, finals and candidates alike; none where the file has not changed."""
        try:
            page = self.tools.web.get(self.config.url, ("application/json",), most=_MOST_BYTES, validator=cursor or "")
        except WebError as error:
            return web_failure(error)
        if page.is_unchanged:
            return Good((), cursor or "")
        try:
            versions = _versions(json.loads(page.content), self.config.monikers)
        except (ValueError, RecursionError):
            return Failed(Outcome.MISREAD, f"{self.config.url}: answered with something that is no JSON")
        if not versions:
            # A mainline kernel is always listed: nothing at all is a file that we cannot read, never "no release".
            return Failed(
                Outcome.MISREAD, f"{self.config.url}: lists no release of {', '.join(sorted(self.config.monikers))}"
            )
        evidence = (StationEvidence(Station.LISTED, each, each, None) for each in versions)
        return Good(tuple(evidence), page.validator)

    def probe(self, now: datetime) -> Answer:
        """The same file; it is small."""
        return self.look(None, now.date(), now)


def _versions(document: Any, monikers: frozenset[str]) -> list[str]:
    """The versions of the rows with these monikers; of what is no such document, none."""
    rows = document.get("releases") if isinstance(document, dict) else None
    return [
        row["version"]
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
        and any(row.get("moniker") == each for each in monikers)
        and isinstance(row.get("version"), str)
        and 0 < len(row["version"]) <= _MOST_VERSION
        and row["version"].isprintable()
    ]
