"""A server's own log of pushes (gitolite's transparency log): a public-inbox repository with a mail per push.

The mail is written by the server when it took the push, and its Date is that moment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from rctrack.config import ListConfig, ListingConfig, ProjectConfig
from rctrack.core.evidence import Evidence, MailEvidence, Station, StationEvidence
from rctrack.core.received import parse_date
from rctrack.core.recognise import header_text, parse_headers
from rctrack.core.recognise.body import text_of
from rctrack.core.recognise.headers import addresses
from rctrack.core.rules import ListRules
from rctrack.sources.kinds.public_inbox import PublicInbox
from rctrack.sources.protocol import Answer, Good, Tools

_SENDER = "devnull@kernel.org"
_MOST_REFS = 10_000
"""Of one push; a new mirror of Linux pushes a thousand tags at once."""
_REF = re.compile(
    r"^[ \t]{0,8}-[ \t]{1,4}ref:[ \t]{1,4}['\"]?refs/tags/(?P<tag>[^\s'\"]{1,1000})['\"]?[ \t]{0,8}\n"
    r"[ \t]{1,8}old:[ \t]{1,4}['\"]?[0-9a-f]{40,64}['\"]?[ \t]{0,8}\n"
    r"[ \t]{1,8}new:[ \t]{1,4}['\"]?(?P<new>[0-9a-f]{40,64})\b",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class GitoliteLog:
    """The pushes to one repository, from the log of its server."""

    config: ListingConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The tags that were pushed since `cursor`, each with the object that it then was."""
        outcome = PublicInbox(self._log(), self.project, self.tools).look(cursor, since, now)
        if not isinstance(outcome, Good):
            return outcome
        return Good(tuple(self._pushes(outcome.evidence)), outcome.cursor)

    def probe(self, now: datetime) -> Answer:
        """The newest commit of the log is a mail."""
        return PublicInbox(self._log(), self.project, self.tools).probe(now)

    def _log(self) -> ListConfig:
        # The suffix is optional in subjects, whichever way the file spells it.
        path = re.escape(self.config.repository.removesuffix(".git"))
        subject = rf"^post-receive: {path}(?:\.git)?$"
        return ListConfig("public-inbox", self.config.url, ListRules(frozenset({_SENDER}), subject, (), None))

    def _pushes(self, mails: tuple[Evidence, ...]) -> Iterator[StationEvidence]:
        for mail in mails:
            if isinstance(mail, MailEvidence):
                yield from read_receipt(mail.content)


def read_receipt(content: bytes) -> Iterator[StationEvidence]:
    """The tags that a push receipt names; none where it is not the server's own. A tag taken away is no push."""
    headers = parse_headers(content)
    at = parse_date(header_text(headers, "Date", 200))
    if at is None or _SENDER not in addresses(headers, "From"):
        return
    for number, found in enumerate(_REF.finditer(text_of(content, headers))):
        if number == _MOST_REFS:
            return
        if found["new"].strip("0"):
            yield StationEvidence(Station.PUSHED, found["tag"], found["new"], at)
