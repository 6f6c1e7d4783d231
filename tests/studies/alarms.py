"""False alarms and recall of core/delays on real history: `make accuracy` prints them.

    python -m tests.studies.alarms [FOLDER]      FOLDER is ../shared/data unless it is named

False alarms: linux 5.10 to 6.18, git and util-linux from 2019 are replayed through the real pipeline. Each alarm that
would have gone out is listed with a verdict: wrong if its gap is shorter than the 98th percentile of the project's
earlier gaps of that kind (from the same step, for what is overdue), or if it closed within a quarter of its limit, and
no incident is known. One a project and year is allowed. Recall: `tests.recall`. It ends with 1 if a bar is missed.
"""

import csv
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic

from rctrack.config import ProjectConfig, shipped
from rctrack.config.history import load_history
from rctrack.core.forecast import Cycle, Past, cycles_of, past_of
from rctrack.core.forecasting import dated_releases
from rctrack.core.lateness import Delay, DelayKind
from rctrack.core.release import Release
from rctrack.core.version import VersionId
from rctrack.replay.recording import Recording
from tests.studies import recall
from tests.studies.accuracy import shared_data
from tests.studies.recall import lags_of
from tests.support.recorded import (
    Played,
    linux_list_feed,
    linux_mails,
    linux_tags,
    part_of,
    play,
    repository_tags,
    shipped_project,
    tag_feeds,
    unpacked,
    util_linux,
)

ALLOWED = 1
"""Wrong alarms of a project in a year."""
PERCENTILE = 0.98
QUICK = 0.25
"""An alarm that is over within this part of its limit was hardly worth a mail."""
YEAR = timedelta(days=365.25)
KINDS = tuple(DelayKind)
EARLIER, LONGER = timedelta(days=20), timedelta(days=45)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Study:
    """What is replayed of a project, part by part, and the kinds of gaps for which it has evidence."""

    project: str
    name: str
    recording: Callable[[Path], Recording]
    spans: tuple[Span, ...]
    memory: timedelta
    """How much older evidence each part begins with; what is older still, shipped history knows."""
    kinds: frozenset[DelayKind]


@dataclass(frozen=True, slots=True)
class Found:
    """What the parts of a study came to."""

    study: Study
    project: ProjectConfig
    end: datetime
    releases: Mapping[VersionId, Release]
    told: tuple[tuple[datetime, Delay], ...]
    """When an alarm went out, and about what."""
    mails: int
    """Those that said LATE."""


BEGIN, END = day("2019-01-01"), day("2026-07-10")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an alarm was worth."""

    delay: Delay
    gap: timedelta
    limit: timedelta
    ordinary: timedelta | None
    """The 98th percentile of the earlier gaps; None where there were none."""
    earlier: int
    incident: str | None
    closed_after: timedelta | None
    """The alarm; None where the recording ends before."""

    @property
    def is_ordinary(self) -> bool:
        return self.ordinary is not None and self.gap < self.ordinary

    @property
    def is_quick(self) -> bool:
        return self.closed_after is not None and self.closed_after <= QUICK * self.limit

    @property
    def is_wrong(self) -> bool:
        return (self.is_ordinary or self.is_quick) and self.incident is None


# --- What is replayed --------------------------------------------------------------------------------


def linux_by_tags(folder: Path) -> Recording:
    """Linux 5.10 to 6.18 by its tags alone, every one of them."""
    project = shipped_project("linux", lists=False, mirrors=False)
    tags = [each for each in linux_tags(folder) if each.tagged and each.tagged.at >= day("2019-06-01")]
    return Recording(project, BEGIN, END, tag_feeds(project, tags), {})


def linux_by_mail(folder: Path) -> Recording:
    """The releases whose mail is known, with list and mirror; of the others nothing can be said."""
    project = shipped_project("linux", lists=True, mirrors=True)
    [source] = project.lists
    mails = linux_mails(folder, source.rules.servers[0])
    tags = [each for each in linux_tags(folder) if each.tag in mails]
    feeds = tag_feeds(project, tags) | {source.source: linux_list_feed(mails.values(), day("2018-01-01"))}
    return Recording(project, BEGIN, END, feeds, {})


def git_by_tags(folder: Path) -> Recording:
    """Git by its tags, whose mails no table of these years knows."""
    project = shipped_project("git", lists=False, mirrors=False)
    with unpacked(folder, "git") as repository:
        tags = [each for each in repository_tags(repository) if each.tagged and each.tagged.at >= day("2018-01-01")]
    return Recording(project, BEGIN, END, tag_feeds(project, tags), {})


def util_linux_whole(folder: Path) -> Recording:
    return util_linux(folder, BEGIN, END)


def _spans(*days: str) -> tuple[Span, ...]:
    """From each of these days to the next."""
    return tuple(pairwise(map(day, days)))


STUDIES = (
    Study(
        "util-linux",
        "its repository and its archive",
        util_linux_whole,
        _spans("2019-01-01", "2021-01-01", "2023-01-01", "2025-01-01", "2026-07-10"),
        timedelta(days=1100),
        frozenset(KINDS) - {DelayKind.MIRROR},
    ),
    Study(
        "git",
        "its tags",
        git_by_tags,
        _spans("2019-01-01", "2021-01-01", "2023-01-01", "2025-01-01", "2026-07-10"),
        timedelta(days=200),
        frozenset({DelayKind.OVERDUE}),
    ),
    Study(
        "linux",
        "all tags of 5.10 to 6.18",
        linux_by_tags,
        _spans("2020-10-12", "2022-01-15", "2023-05-01", "2024-08-01", "2025-12-12"),
        timedelta(days=200),
        frozenset({DelayKind.OVERDUE}),
    ),
    Study(
        "linux",
        "those whose mail is known, at two hosts and on the list",
        linux_by_mail,
        (
            *_spans("2021-02-20", "2021-05-05"),
            *_spans("2022-01-15", "2022-04-01"),
            *_spans("2022-08-05", "2023-03-01"),
            *_spans("2023-06-01", "2023-06-25"),
            *_spans("2023-12-01", "2023-12-25"),
            *_spans("2025-02-08", "2025-03-01"),
            *_spans("2025-08-02", "2025-08-25"),
        ),
        timedelta(days=1100),
        frozenset(KINDS) - {DelayKind.OVERDUE},
    ),
)


def played(study: Study, span: Span, folder: Path) -> Played:
    """One part of a study, a little longer at each end, so that no alarm is lost between two of them."""
    return play(part_of(study.recording(folder), span[0] - EARLIER, span[1] + LONGER, study.memory))


def put_together(study: Study, parts: Sequence[Played]) -> Found:
    """Each alarm in the part in which it was raised, each release as the part has it that watched it."""
    releases: dict[VersionId, Release] = {}
    told: dict[object, tuple[datetime, Delay]] = {}
    mails = 0
    for part, (first, last) in zip(parts, study.spans, strict=True):
        for key, release in part.releases.items():
            if key not in releases or not releases[key].is_news:
                releases[key] = release
        told |= {each.key: (at, each) for at, each in part.told if first <= at < last and each.key not in told}
        mails += sum(first <= each.at < last for each in part.alarms)
    return Found(study, parts[-1].project, parts[-1].end, releases, tuple(told.values()), mails)


# --- What each alarm was worth -----------------------------------------------------------------------


def verdict(found: Found, delay: Delay, incidents: Sequence[Mapping[str, str]]) -> Verdict:
    """Against the project's own past up to then."""
    until = delay.until or found.end
    known = _incident(incidents, delay, until)
    if delay.kind is DelayKind.OVERDUE:
        before = found.releases[next(key for key in found.releases if key == delay.where)]
        came_at = before.came_at or before.first_seen_at
        earlier = earlier_waits(found, before)
        return _verdict(delay, until - came_at, delay.since - came_at, earlier, known, delay.since)
    release = found.releases[delay.version]
    past = [each for each in _by_time(found) if _made_at(each) < _made_at(release)]
    opens_at = delay.since + delay.limit
    return _verdict(delay, until - delay.since, delay.limit, lags_of(delay.kind, past), known, opens_at)


def _verdict(
    delay: Delay,
    gap: timedelta,
    limit: timedelta,
    earlier: Sequence[timedelta],
    incident: str | None,
    opens_at: datetime,
) -> Verdict:
    closed_after = delay.until - opens_at if delay.until else None
    return Verdict(delay, gap, limit, percentile(earlier), len(earlier), incident, closed_after)


def percentile(gaps: Sequence[timedelta]) -> timedelta | None:
    """The smallest gap that 98 of 100 do not exceed: of fewer than fifty the longest."""
    ordered = sorted(gaps)
    return ordered[math.ceil(PERCENTILE * len(ordered)) - 1] if ordered else None


def earlier_waits(found: Found, before: Release) -> list[timedelta]:
    """How long the next release took after the same step of earlier cycles, in whole days."""
    project = found.project
    history = load_history(shipped() / "history", project.id, project.rules.scheme)
    past = past_of(history, dated_releases(found.releases.values()), project.timezone)
    step = (before.version.stage, before.version.candidate)
    made_on = _made_at(before).astimezone(project.timezone).date()
    return [
        following.day - each.day
        for each, following in _steps(cycles_of(past, project.rules.feature_parts))
        if (each.version.stage, each.version.candidate) == step and following.day <= made_on
    ]


def _steps(cycles: Sequence[Cycle]) -> Iterator[tuple[Past, Past]]:
    """Each release and the one after it, where no number is missing between them."""
    line = [step for cycle in cycles for step in cycle.steps]
    for each, following in pairwise(line):
        if each.version.is_final:
            is_next = following.version.candidate <= 1
        else:
            is_next = following.version.is_final or following.version.candidate == each.version.candidate + 1
        if is_next:
            yield each, following


def _incident(incidents: Sequence[Mapping[str, str]], delay: Delay, until: datetime) -> str | None:
    for row in incidents:
        if row["project"] != delay.project or not row["start"] or not row["end"]:
            continue
        first, last = _moment(row["start"]), _moment(row["end"])
        if first <= until and delay.since <= last + timedelta(days=1):
            return row["what"]
    return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _by_time(found: Found) -> list[Release]:
    return sorted(found.releases.values(), key=_made_at)


def _made_at(release: Release) -> datetime:
    return release.made_at or release.first_seen_at


def evidence(found: Found, kind: DelayKind) -> int:
    """For how many releases of the time there was evidence of this kind of gap."""
    spans = found.study.spans
    of_time = [each for each in _by_time(found) if any(first <= _made_at(each) < last for first, last in spans)]
    if kind is not DelayKind.OVERDUE:
        return sum(bool(lags_of(kind, [each])) for each in of_time)
    past = past_of((), dated_releases(found.releases.values()), found.project.timezone)
    steps = _steps(cycles_of(past, found.project.rules.feature_parts))
    return sum(spans[0][0].date() <= following.day < spans[-1][1].date() for _, following in steps)


# --- In words ----------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Prints both tables; 0 if both bars are met."""
    folder = Path(arguments[0]) if arguments else shared_data()
    begun = monotonic()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as workers:
        studied = [(study, [workers.submit(played, study, span, folder) for span in study.spans]) for study in STUDIES]
        injected = [workers.submit(recall.found, share, folder) for share in recall.SHARES]
        is_quiet = print_false_alarms(studied, folder)
        is_heard = recall.print_recall([one for each in injected for one in each.result()])
    print(f"\n{monotonic() - begun:.0f} seconds")
    return 0 if is_quiet and is_heard else 1


def print_false_alarms(studied: Sequence[tuple[Study, Sequence[Future[Played]]]], folder: Path) -> bool:
    """Each alarm and the table; whether the bar is met by every project."""
    with (folder / "incidents.csv").open(encoding="utf-8", newline="") as file:
        incidents = list(csv.DictReader(file))
    print("FALSE ALARMS: each alarm that would have gone out")
    counted: dict[str, list[str]] = {}
    wrong: dict[str, Counter[int]] = {}
    alarms: Counter[str] = Counter()
    for study, parts in studied:
        found = put_together(study, [each.result() for each in parts])
        told = [(at, each) for at, each in found.told if each.kind in study.kinds]
        if found.mails != len(found.told):
            print(f"  {study.project}: {found.mails} LATE mails, {len(found.told)} delays told")
        for at, delay in told:
            judged = verdict(found, delay, incidents)
            print(_alarm_line(judged))
            wrong.setdefault(study.project, Counter())[at.year] += judged.is_wrong
        alarms[study.project] += len(told)
        years = sum((last - first) / YEAR for first, last in study.spans)
        numbers = ", ".join(f"{kind} {evidence(found, kind)}" for kind in KINDS if kind in study.kinds)
        counted.setdefault(study.project, []).append(
            f"    {years:.1f} years of {study.name}; releases with evidence: {numbers}"
        )
    is_met = True
    print("\nPROJECT       ALARMS  WRONG  MOST IN A YEAR")
    for project, lines in counted.items():
        by_year = wrong.get(project, Counter())
        most = max(by_year.values(), default=0)
        is_met, said = is_met and most <= ALLOWED, "met" if most <= ALLOWED else "MISSED"
        print(f"{project:<12} {alarms[project]:>7} {by_year.total():>6} {most:>15}  {said}")
        print(*lines, sep="\n")
    return is_met


def _alarm_line(judged: Verdict) -> str:
    delay = judged.delay
    end = f"{delay.ended} after {_days(judged.gap)}" if delay.ended else f"open, {_days(judged.gap)} so far"
    ordinary = "no earlier gaps" if judged.ordinary is None else f"p98 of {judged.earlier}: {_days(judged.ordinary)}"
    why = [
        *(["an ordinary gap"] if judged.is_ordinary else []),
        *(["closed soon"] if judged.is_quick else []),
        *([f"known: {judged.incident[:60]}"] if judged.incident else []),
    ]
    after = f" (after {delay.where})" if delay.where else ""
    return (
        f"  {delay.project} {delay.version} {delay.kind}{after}: since {delay.since:%Y-%m-%d %H:%M}, {end};"
        f" limit {_days(judged.limit)}, {ordinary} -> {'WRONG' if judged.is_wrong else 'right'}"
        + (f" ({', '.join(why)})" if why else "")
    )


def _days(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} d" if abs(hours) >= 48 else f"{hours:.1f} h"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
