"""One list archive of any kind, opened as the pipeline opens it, and what is recognised in what it brings."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.evidence import MailEvidence, ProjectId, Sighting
from rctrack.core.recognise import recognise_mail
from rctrack.core.release import Announcement
from rctrack.core.rules import ListRules, ProjectRules
from rctrack.core.version import FeatureParts
from rctrack.process import Runner
from rctrack.sources import Answer, Good, Source, Tools, open_source
from rctrack.web import Web

PROGRAM = "rctrack/test (+https://example.org)"
SINCE = date(2026, 3, 1)
SEEN_AT = datetime(2026, 4, 1, tzinfo=UTC)
LOOKED_AT = datetime(2026, 3, 28, tzinfo=UTC)
"""Half a day after the last mail of the corpus was written: a search reaches back two days."""
SCHEME = "dotted"


@dataclass(frozen=True, slots=True)
class Archive:
    """A list archive, and who may announce what in it."""

    source: Source
    rules: ListRules

    def look(self, cursor: str | None = None, since: date = SINCE, now: datetime = LOOKED_AT) -> Answer:
        return self.source.look(cursor, since, now)

    def probe(self, now: datetime = LOOKED_AT) -> Answer:
        return self.source.probe(now)

    def good(self, cursor: str | None = None, since: date = SINCE, now: datetime = LOOKED_AT) -> Good:
        """The same where an answer is expected."""
        outcome = self.look(cursor, since, now)
        assert isinstance(outcome, Good), outcome
        return outcome

    def recognised(self, outcome: Good) -> dict[str, Announcement]:
        """The announcements among what was brought, by Message-ID."""
        sighting = Sighting(ListConfig("mbox", "x", self.rules).source, SEEN_AT, None)
        mails = [each for each in outcome.evidence if isinstance(each, MailEvidence)]
        read = [recognise_mail(self.rules, SCHEME, mail, sighting) for mail in mails]
        return {each.message_id: each for each in read if isinstance(each, Announcement)}


def open_archive(folder: Path, kind: str, url: str | Path, rules: ListRules) -> Archive:
    """The archive of this kind at this address; what it keeps is kept in the folder."""
    config = ListConfig(kind, str(url), rules)
    project = ProjectConfig(
        id=ProjectId("demo"),
        name="Demo",
        rules=ProjectRules(SCHEME, FeatureParts((((), 2),)), ("v{version}",), None, frozenset()),
        keeps_history=True,
        verified=False,
        tags=(),
        lists=(config,),
        path="demo.toml",
    )
    tools = Tools(Runner(), folder, PROGRAM, lambda *_: None, Web(PROGRAM))
    return Archive(open_source(config, project, tools), rules)
