"""What every source is: a look from a cursor on, answered with evidence or with why there is none, and a probe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

from rctrack.config import SourceConfig
from rctrack.core.evidence import Commit, Evidence, ObjectId
from rctrack.core.look import Outcome
from rctrack.process import Runner
from rctrack.web import Patience, Web, WebError

_HASTE = Patience(connect=5.0, silence=10.0, whole=20.0)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how far it is and how much there is in all (0: not known)."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What all mails of an archive tell of it, also those that announce nothing."""

    begins_at: datetime | None
    """When its oldest mail was delivered; None where this look does not tell."""
    newest_at: datetime | None
    """When its newest mail was delivered: proof that what came before would be there."""
    deliveries: tuple[tuple[datetime, datetime], ...] = ()
    """(delivered, archived) of all mails stored late by the archive's clock, and of some that were stored in time."""


@dataclass(frozen=True, slots=True)
class Good:
    """The source answered; `evidence` is what is new since the cursor, and may repeat what is known."""

    evidence: tuple[Evidence, ...]
    cursor: str
    """Opaque to everything but the source."""
    is_whole: bool = False
    """The evidence is all that the source shows now: what it showed before and is not here has gone."""
    coverage: Coverage = Coverage(None, None)
    """Of an archive of mail."""
    notes: tuple[str, ...] = ()
    """What could not be had all the same, and why."""
    head: str | None = None
    """Of a repository: the object that its HEAD names. Where it moves, the host lives, though there is no new tag."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The source brought nothing, and why."""

    outcome: Outcome
    """Never good."""
    reason: str
    """One line with the address, what is wrong, and what to do where that is known."""
    pause: timedelta | None = None
    """How long the host asks to be left alone; None where it does not say."""


Answer = Good | Failed
"""What a look comes to."""


@dataclass(frozen=True, slots=True)
class Range:
    """A release whose commits since `base` are to be counted, and whose tag may still lack its date."""

    tag: str
    object_id: ObjectId
    commit: Commit
    base: Commit | None
    """None where only the date is wanted."""
    is_base_shown: bool = True
    """Whether the repository that is asked shows the base as a tag of its own; else it may not have it."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a source may use of the outside world."""

    runner: Runner
    state: Path
    """Folder for what a source keeps; each keeps to a name of its own in it."""
    user_agent: str
    progress: Progress
    web: Web
    recorded: "Callable[[SourceConfig], Source] | None" = None
    """In a replay: what each source had to show at the moment that is played."""

    def in_haste(self) -> "Tools":
        """The same with little time for each question, for somebody who waits for the answer."""
        runner = replace(self.runner, longest=_HASTE.whole)
        return replace(self, runner=runner, web=self.web.with_patience(_HASTE), progress=lambda *_: None)


class Source(Protocol):
    """One place that evidence comes from."""

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """What is there since `cursor` (None: from the start); expected failures are values, never exceptions.

        An archive that can only be searched is searched again from `since` on, once a day, for what was imported late.
        """
        ...

    def probe(self, now: datetime) -> Answer:
        """Whether a look would be good, by the beginning of that look: little is asked, nothing copied or kept.

        What it brings is no evidence, and has no cursor.
        """
        ...


@runtime_checkable
class CountingSource(Source, Protocol):
    """A source that can also count commits."""

    def measure(self, ranges: Sequence[Range]) -> Answer:
        """Count evidence for the ranges, and dated tag evidence where it was missing; the cursor is empty."""
        ...


def web_failure(error: WebError) -> Failed:
    """Returns the answer that a failed talk with a host comes to."""
    return Failed(error.outcome, str(error), error.pause)
