"""A list archive as git repositories of public-inbox: epochs at url/0, url/1, … (format 2), or one at `url` itself."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core import received
from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from rctrack.core.recognise import may_hide, parse_headers
from rctrack.core.subject_words import literal
from rctrack.process import ProcessError
from rctrack.sources import mails
from rctrack.sources.gitstore import repository as git
from rctrack.sources.gitstore.answers import Refusal, failed, questioned, real_address
from rctrack.sources.gitstore.inbox import (
    Entry,
    Format,
    check_format,
    glance_at_format,
    read_log,
    read_mails,
)
from rctrack.sources.manifest import ask_manifest
from rctrack.sources.protocol import Answer, Coverage, Failed, Good, Tools, web_failure
from rctrack.web import WebError

_MOST_EPOCHS = 1000
_ITSELF = "itself"
"""The name of the only repository, in the cursor."""
_LATE = int(timedelta(days=1).total_seconds())
"""Seconds after which a mail was stored late, and its Received chain is read for when it was delivered."""
_HOUR = 3600
_MOST_HEAD = 64 * 1024
_ABSENT = (Outcome.MISREAD, Outcome.MOVED)
"""What hosts say of an epoch that is not there: 404, 410, 401 where they hide it, or a redirect to somewhere else."""


@dataclass(slots=True)
class _Clocks:
    """What the commits of an epoch say of its mails, as seconds: one of an hour is kept, and each stored late."""

    begins: int | None = None
    newest: int | None = None
    first_stored: int | None = None
    in_time: dict[int, tuple[int, int]] = field(default_factory=dict)
    late: dict[int, tuple[int, Entry]] = field(default_factory=dict)

    def note(self, entry: Entry) -> None:
        """One mail; they come newest first. A Date later than the storing of its mail is a wrong clock."""
        committed = entry.committed
        if committed is None:
            return
        delivered = committed if entry.written is None else min(entry.written, committed)
        self.begins = delivered
        self.first_stored = committed
        if self.newest is None or delivered > self.newest:
            self.newest = delivered
        if committed - delivered > _LATE:
            self.late.setdefault(delivered // _HOUR, (delivered, entry))
        else:
            self.in_time.setdefault(delivered // _HOUR, (delivered, committed))

    def stored_late(self, *, is_whole: bool) -> list[Entry]:
        """Those stored late; where these are the mails of the whole archive, not those of its first fill."""
        begun = self.first_stored or 0 if is_whole else 0
        return [entry for delivered, entry in self.late.values() if delivered >= begun]


@dataclass(frozen=True, slots=True)
class PublicInbox:
    """The repositories of one list; the key of a mail is its blob."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails since `cursor` whose subject fits; the cursor is the last commit read in each repository."""
        read: dict[str, str] = json.loads(cursor) if cursor else {}
        brought: list[MailEvidence] = []
        coverages: list[Coverage] = []
        heads: dict[str, str] = {}
        try:
            for name, repository in self._repositories(read):
                head = repository.head()
                if head is None and name in read:
                    raise Refusal(self._emptied(name))
                if head is None:
                    continue
                inbox = check_format(repository, self.config.url)
                new, coverage = self._new_mails(repository, inbox, read.get(name), head)
                brought += new
                coverages.append(coverage)
                heads[name] = head
        except ProcessError as error:
            return failed(error, self.config.url, self.tools)
        except WebError as error:
            return web_failure(error)
        return Good(tuple(brought), json.dumps({**read, **heads}, sort_keys=True), coverage=_joined(coverages))

    def probe(self, now: datetime) -> Answer:
        """The newest commit of the newest repository is one of an inbox; nothing is copied."""
        path = git.local_path(self.config.url)
        try:
            if path is not None:
                *_, (_, repository) = self._local(path)
                if repository.head() is not None:
                    check_format(repository, self.config.url)
            else:
                self._glance()
        except ProcessError as error:
            return failed(error, self.config.url, self.tools)
        except WebError as error:
            return web_failure(error)
        return Good((), "")

    # --- Repositories ------------------------------------------------------------------------------

    def _repositories(self, read: Mapping[str, str]) -> Iterator[tuple[str, git.Repository]]:
        """Name and repository of each that may hold what is not read yet; Refusal or ProcessError where none is."""
        path = git.local_path(self.config.url)
        if path is not None:
            yield from self._local(path)
        elif _ITSELF in read:
            yield _ITSELF, self._copy(self.config.url)
        else:
            yield from self._remote(sorted(map(int, read)))

    def _local(self, path: Path) -> Iterator[tuple[str, git.Repository]]:
        """The epochs below a folder, or the folder itself where it is one repository."""
        if git.git_dir(path) is not None:
            yield "0", git.open_local(path, self.tools)
            return
        there = 0
        for number in range(_MOST_EPOCHS):
            places = (path / "git" / f"{number}.git", path / f"{number}.git", path / str(number))
            epoch = next((place for place in places if git.git_dir(place)), None)
            if epoch is not None:
                there += 1
                yield str(number), git.open_local(epoch, self.tools)
            elif there:
                return
        if not there:
            raise ProcessError(f"{path}: is neither a public-inbox epoch nor a folder of them")

    def _remote(self, known: Sequence[int]) -> Iterator[tuple[str, git.Repository]]:
        """The epochs from the last two that are known on, which may have grown; all of them at the first look."""
        numbers = list(known[-2:]) or self._listed()
        if not numbers and self._first() is None:
            yield _ITSELF, self._copy(self.config.url)
            return
        for number in numbers:
            try:
                yield str(number), self._copy(self._epoch(number))
            except ProcessError as error:
                answer = failed(error, self._epoch(number), self.tools)
                if number == numbers[-1] or answer.outcome not in _ABSENT:
                    raise Refusal(answer) from error
        number = numbers[-1] + 1 if numbers else 0
        while number < _MOST_EPOCHS and self._refusal(number) is None:
            repository = self._copy(self._epoch(number))
            yield str(number), repository
            if repository.head() is None:
                return
            number += 1

    def _listed(self) -> list[int]:
        """The epochs that the inbox lists; none where it lists none, and the format has been looked at then."""
        if not self.config.url.startswith(("http://", "https://")):
            return []
        manifest = ask_manifest(self.config.url, self.tools)
        return list(manifest.epochs) if manifest else []

    def _first(self) -> str | None:
        """The address of epoch 0; None where `url` itself is the repository. Refusal where neither is an inbox."""
        refusal = self._refusal(0)
        url = self.config.url if refusal else self._epoch(0)
        answer = questioned(real_address(url, self.tools), self.tools) if refusal else None
        if answer is None:
            try:
                glance_at_format(url, self.tools)
                return None if refusal else url
            except ProcessError as error:
                answer = failed(error, url, self.tools)
        # Where `url` is nothing at all, what was said of url/0 may tell more: where it has moved to.
        raise Refusal(refusal if refusal and refusal.outcome is Outcome.MOVED else answer)

    def _refusal(self, number: int) -> Failed | None:
        """What the host says of an epoch that is not there; None where it is. Refusal where it says something else."""
        url = self._epoch(number)
        if url.startswith(("http://", "https://")):
            answer = questioned(real_address(url, self.tools), self.tools)
        else:
            try:
                git.list_refs(url, self.tools)
                return None
            except ProcessError as error:
                answer = failed(error, url, self.tools)
        if answer is not None and answer.outcome not in _ABSENT:
            raise Refusal(answer)
        return answer

    def _emptied(self, name: str) -> Failed:
        """What it means that a repository without any mail is where one with mails was: to git, a page is one too."""
        url = self.config.url if name == _ITSELF else self._epoch(int(name))
        reason = f"{url}: shows no mail any more, where there was some"
        return questioned(real_address(url, self.tools), self.tools) or Failed(Outcome.MISREAD, reason)

    def _glance(self) -> None:
        """ProcessError or WebError where there is no inbox."""
        numbers = self._listed()
        if numbers:
            git.list_refs(self._epoch(numbers[-1]), self.tools)
        else:
            self._first()

    def _epoch(self, number: int) -> str:
        return f"{self.config.url}/{number}"

    def _copy(self, url: str) -> git.Repository:
        number = url.removeprefix(self.config.url).replace("/", "-")
        copying = git.Copying("+HEAD:refs/heads/master", only_commits=False)
        return git.keep_clone(url, f"{self.project.id}-list{number}", self.tools, copying)

    # --- Mails -------------------------------------------------------------------------------------

    def _new_mails(
        self, repository: git.Repository, inbox: Format, since: str | None, head: str
    ) -> tuple[list[MailEvidence], Coverage]:
        clocks = _Clocks()
        candidates = list(self._candidates(repository, _range(repository, since, head), clocks))[::-1]
        new = list(read_mails(repository, inbox, candidates))
        return new, self._coverage(repository, inbox, clocks, is_whole=since is None)

    def _candidates(self, repository: git.Repository, revisions: str, clocks: _Clocks) -> Iterator[Entry]:
        """Every mail whose subject fits, newest first; most lines need no regular expression."""
        fits, certain = mails.fits(self.config.rules), literal(self.config.rules.subject).encode()
        for number, entry in enumerate(read_log(repository, revisions)):
            if number % 5000 == 0:
                self.tools.progress(f"{self.project.id}: reading the archive", number, 0)
            clocks.note(entry)
            may_fit = certain in entry.subject or may_hide(entry.subject, certain)
            if may_fit and fits(entry.subject.decode("utf-8", "replace")):
                yield entry

    def _coverage(self, repository: git.Repository, inbox: Format, clocks: _Clocks, *, is_whole: bool) -> Coverage:
        """Of the mails that were stored late, when they were delivered is read in the mails themselves."""
        deliveries = [(_moment(delivered), _moment(committed)) for delivered, committed in clocks.in_time.values()]
        for mail in read_mails(repository, inbox, clocks.stored_late(is_whole=is_whole), _MOST_HEAD):
            chain = parse_headers(mail.content).all("Received")
            delivered = received.delivered(received.read_hops(chain), self.config.rules.servers)
            if delivered is not None and mail.archived is not None:
                deliveries.append((min(delivered.at, mail.archived.at), mail.archived.at))
        begins = _moment(clocks.begins) if is_whole and clocks.begins is not None else None
        return Coverage(begins, None if clocks.newest is None else _moment(clocks.newest), tuple(deliveries))


def _range(repository: git.Repository, since: str | None, head: str) -> str:
    """What is new; everything where the commit that we read last is gone (a purge rewrites history)."""
    if since is None or since == head:
        return head if since is None else f"{head}..{head}"
    return f"{since}..{head}" if repository.has_commit(since) else head


def _joined(epochs: Sequence[Coverage]) -> Coverage:
    """The coverage of a list whose epochs have these."""
    begins = [epoch.begins_at for epoch in epochs if epoch.begins_at]
    newest = [epoch.newest_at for epoch in epochs if epoch.newest_at]
    deliveries = tuple(delivery for epoch in epochs for delivery in epoch.deliveries)
    return Coverage(min(begins, default=None), max(newest, default=None), deliveries)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
