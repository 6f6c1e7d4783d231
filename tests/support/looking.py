"""One source at a time, as the pipeline opens it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Event

from rctrack.config import SourceConfig
from rctrack.core.evidence import CountEvidence, MailEvidence, TagEvidence
from rctrack.core.look import Outcome
from rctrack.process import Runner
from rctrack.sources import Answer, CountingSource, Failed, Good, Source, Tools, open_counting, open_source
from rctrack.web import Web
from tests.support.following import PROGRAM, SUBJECT, follow
from tests.support.material import BEGIN
from tests.support.sites import PATH


@dataclass(frozen=True, slots=True)
class Looker:
    """A source and the folder that it may keep things in."""

    source: Source
    counting: CountingSource | None
    state: Path

    def look(self, cursor: str | None = None) -> Answer:
        return self.source.look(cursor, date(2026, 1, 1), BEGIN)

    def probe(self) -> Answer:
        return self.source.probe(BEGIN)

    def good(self, cursor: str | None = None) -> Good:
        """The same where an answer is expected."""
        outcome = self.look(cursor)
        assert isinstance(outcome, Good), outcome
        return outcome

    def mails(self, cursor: str | None = None) -> list[MailEvidence]:
        return [each for each in self.good(cursor).evidence if isinstance(each, MailEvidence)]

    def tags(self, cursor: str | None = None) -> dict[str, TagEvidence]:
        return {each.tag: each for each in self.good(cursor).evidence if isinstance(each, TagEvidence)}


def tools(state: Path) -> Tools:
    """Everything real; nobody listens to the progress."""
    return Tools(Runner(Event()), state, PROGRAM, lambda *_: None, Web(PROGRAM))


def look_at_list(folder: Path, url: str | Path, subject: str = SUBJECT) -> Looker:
    """The public-inbox archive at this address."""
    project = follow(folder, lists=[url], subject=subject).config().projects[0]
    [source] = project.sources
    return Looker(open_source(source, project, tools(folder / "state")), None, folder / "state")


def look_at_tags(folder: Path, url: str | Path, history: str = "all", kind: str = "git") -> Looker:
    """The repository at this address."""
    settings = f'[[tags]]\nkind = "{kind}"\nurl = "{url}"\n'
    project = follow(folder, settings=settings, history=history).config().projects[0]
    [source] = project.tags
    opened: SourceConfig = source
    used = tools(folder / "state")
    return Looker(open_source(opened, project, used), open_counting(source, project, used), folder / "state")


def look_at_site(folder: Path, url: str | Path, kind: str) -> Looker:
    """The site at this address, as a project's file names it."""
    more = f'repository = "{PATH}"' if kind == "gitolite-log" else ""
    settings = f'[[listings]]\nkind = "{kind}"\nurl = "{url}"\n{more}\n'
    project = follow(folder, tags=[folder], settings=settings).config().projects[0]
    [source] = project.listings
    return Looker(open_source(source, project, tools(folder / "state")), None, folder / "state")


def counts_of(outcome: Answer) -> dict[tuple[str, str], tuple[int, int]]:
    """The counts of a measurement by (base, commit)."""
    assert isinstance(outcome, Good), outcome
    return {
        (each.base, each.commit): (each.commits, each.commits_no_merges)
        for each in outcome.evidence
        if isinstance(each, CountEvidence)
    }


def outcome_of(answer: Answer) -> Outcome:
    """The word for what a look comes to."""
    return answer.outcome if isinstance(answer, Failed) else Outcome.GOOD
