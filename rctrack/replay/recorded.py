"""A source as it was recorded: at each moment it shows what could be seen by then, or is down, as it was."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rctrack.config import TagsConfig
from rctrack.config.projects import SourceConfig
from rctrack.core.evidence import Evidence, TagEvidence
from rctrack.core.look import Outcome
from rctrack.replay.recording import Feed
from rctrack.sources.protocol import Answer, Coverage, Failed, Good

_ALIVE = timedelta(hours=1)
"""How old the newest mail of a busy list is."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One source of a replay."""

    config: SourceConfig
    feed: Feed

    def probe(self, now: datetime) -> Answer:
        """What a look from the start comes to: there is nothing to be spared."""
        return self.look(None, now.date(), now)

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """What is new since `cursor`, the moment of the look before; of a repository all tags, where one is new."""
        for down in self.feed.downs:
            if down.since <= now < down.until:
                return Failed(Outcome.NO_ANSWER, down.reason)
        before = datetime.fromisoformat(cursor) if cursor else None
        known = bisect_right(self.feed.evidence, before, key=_at) if before else 0
        until = bisect_right(self.feed.evidence, now, key=_at)
        new = [each for _, each in self.feed.evidence[known:until]]
        is_whole = isinstance(self.config, TagsConfig) and any(isinstance(each, TagEvidence) for each in new)
        evidence = _tags_now([each for _, each in self.feed.evidence[:until]]) if is_whole else new
        head = f"{now:%Y%m%d}" if self.feed.is_alive and isinstance(self.config, TagsConfig) else None
        coverage = self._coverage(before, now)
        return Good(tuple(evidence), now.isoformat(), is_whole=is_whole, coverage=coverage, head=head)

    def _coverage(self, before: datetime | None, now: datetime) -> Coverage:
        known = bisect_right(self.feed.deliveries, before, key=_stored) if before else 0
        new = self.feed.deliveries[known : bisect_right(self.feed.deliveries, now, key=_stored)]
        is_alive = self.feed.is_alive and not isinstance(self.config, TagsConfig)
        newest_at = now - _ALIVE if is_alive else max((each for each, _ in new), default=None)
        return Coverage(self.feed.begins_at, newest_at, new)


def _at(each: tuple[datetime, Evidence]) -> datetime:
    return each[0]


def _stored(delivery: tuple[datetime, datetime]) -> datetime:
    return delivery[1]


def _tags_now(shown: list[Evidence]) -> list[Evidence]:
    """The evidence with each tag as it was shown last."""
    tags = {each.tag: each for each in shown if isinstance(each, TagEvidence)}
    return [*tags.values(), *(each for each in shown if not isinstance(each, TagEvidence))]
