"""Tags of a git repository: `ls-remote` says whether there is news; then commits only, never files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.evidence import Commit, CountEvidence, Evidence, ObjectId, TagEvidence
from rctrack.core.look import Outcome
from rctrack.process import ProcessError
from rctrack.sources.gitstore import repository as git
from rctrack.sources.gitstore.answers import failed, in_words, questioned, real_address
from rctrack.sources.gitstore.counting import count_pairs
from rctrack.sources.gitstore.git_range import fetch_range
from rctrack.sources.gitstore.objects import is_there, read_tags
from rctrack.sources.gitstore.signing import verifier
from rctrack.sources.protocol import Answer, Failed, Good, Range, Tools

_MOST_ERRORS = 3
"""Then a host is left alone until the next look."""
_MOST_PAIRS = 4096
"""Of one pass: a commit carries two bits for each of them."""


@dataclass(frozen=True, slots=True)
class GitTags:
    """One repository whose tags are followed."""

    config: TagsConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """Every tag of the repository where anything changed since `cursor`, none where nothing did; HEAD each time."""
        url = self.config.url
        try:
            shown = git.list_refs(url, self.tools)
            fresh = _cursor(shown.tags)
            if cursor is not None and cursor == fresh:
                return Good((), fresh, head=shown.head)
            if (refusal := self._doubt(shown)) is not None:
                return refusal
            if cursor is not None and not shown.tags:
                return Failed(Outcome.MISREAD, f"{url}: shows no tag any more, where there were some")
            tags = self._read(shown)
        except ProcessError as error:
            return failed(error, url, self.tools)
        return Good(tuple(tags), fresh, is_whole=True, head=shown.head)

    def probe(self, now: datetime) -> Answer:
        """The list of its tags."""
        try:
            shown = git.list_refs(self.config.url, self.tools)
        except ProcessError as error:
            return failed(error, self.config.url, self.tools)
        return self._doubt(shown) or Good((), "", head=shown.head)

    def _doubt(self, shown: git.Refs) -> Failed | None:
        """What a host says that seems to have no ref: to git, a page of one line is such a repository too."""
        if shown.head or shown.tags:
            return None
        return questioned(real_address(self.config.url, self.tools), self.tools)

    def _read(self, shown: git.Refs) -> list[TagEvidence]:
        """The tags with their commits and dates where the history is kept, and else by what the host shows."""
        objects = {name: object_id for name, (object_id, _) in shown.tags.items()}
        is_sha256 = any(map(_is_sha256, objects.values()))
        if self._keeps_history or is_sha256:
            return read_tags(self._repository(set(objects.values()), is_sha256=is_sha256), objects)
        return [
            TagEvidence(name, ObjectId(object_id), Commit(peeled), None)
            for name, (object_id, peeled) in shown.tags.items()
        ]

    def measure(self, ranges: Sequence[Range]) -> Answer:
        """The counts of the ranges; in a repository whose history is not kept, the dates of their tags too."""
        is_sha256 = any(_is_sha256(each.object_id) for each in ranges)
        if not self._keeps_history and not is_sha256:
            return self._fetch(ranges)
        try:
            repository = self._repository(None, is_sha256=is_sha256)
            if repository.git("rev-parse", "--is-shallow-repository").strip() == b"true":
                reason = f"{self.config.url}: is a shallow repository, in which nothing can be counted"
                return Failed(Outcome.MISREAD, f"{reason}; `git fetch --unshallow` makes it whole")
            pairs = [(each.base, each.commit) for each in ranges if each.base is not None]
            there = is_there(repository, {str(each) for pair in pairs for each in pair})
            try:
                counted = _count(repository, [pair for pair in pairs if there.issuperset(pair)], self.tools)
            except ProcessError:
                if git.local_path(self.config.url) is not None:
                    raise
                # A host that has sent commits without those that they stand on has left a hole that no fetch mends.
                return self._fetch(ranges)
            signed, notes = self._verify(repository, ranges)
        except ProcessError as error:
            return failed(error, self.config.url, self.tools)
        return Good((*counted, *signed), "", notes=notes)

    def _verify(self, repository: git.Repository, ranges: Sequence[Range]) -> tuple[list[Evidence], tuple[str, ...]]:
        """What the signatures are worth, and why that of some cannot be said."""
        if self.project.signing is None:
            return [], ()
        there = is_there(repository, {each.object_id for each in ranges})
        found: list[Evidence] = []
        notes: dict[str, None] = {}
        try:
            with verifier(self.project.signing, self.tools) as keys:
                for each in ranges:
                    try:
                        found += [keys.verify(repository, each.object_id)] if each.object_id in there else []
                    except ProcessError as error:
                        notes[f"signature of {each.tag}: {error}"] = None
        except ProcessError as error:
            notes[f"signatures: {error}"] = None
        return found, tuple(notes)[:_MOST_ERRORS]

    def _fetch(self, ranges: Sequence[Range]) -> Answer:
        """One fetch per range, as far as the host gives them; the newest first, which are waited for."""
        found: list[Evidence] = []
        errors: list[ProcessError] = []
        for each in reversed(ranges):
            try:
                for evidence in fetch_range(self.config.url, each, self.tools, self.project.signing):
                    found.append(evidence)  # noqa: PERF402 - what came before a failure is kept
            except ProcessError as error:
                errors.append(error)
            if len(errors) == _MOST_ERRORS:
                break
        if errors and not found:
            return failed(errors[0], self.config.url, self.tools)
        return Good(tuple(found), "", notes=tuple(in_words(error, self.config.url) for error in errors))

    @property
    def _keeps_history(self) -> bool:
        return self.project.keeps_history or git.local_path(self.config.url) is not None

    def _repository(self, wanted: set[str] | None, *, is_sha256: bool) -> git.Repository:
        """Where the commits are: the user's own repository, or ours, which all remotes of the project share.

        Of objects named by SHA-256 there are no ranges to be had, so their history is kept whole in one of its own.
        """
        path = git.local_path(self.config.url)
        if path is not None:
            return git.open_local(path, self.tools)
        name = f"{self.project.id}-tags" + ("-sha256" if is_sha256 else "")
        kept = git.kept(name, self.tools)
        if kept is not None and (wanted is None or is_there(kept, wanted) == wanted):
            return kept
        remote = hashlib.sha256(self.config.url.encode()).hexdigest()[:12]
        under = f"refs/remotes/{remote}/"
        refspec = f"+refs/tags/*:{under}*"
        copying = git.Copying(refspec, only_commits=True, is_shared=True)
        repository = git.keep_clone(self.config.url, name, self.tools, copying)
        self._check_whole(repository, under)
        with suppress(ProcessError):  # it only saves time
            repository.git("commit-graph", "write", "--reachable", timeout=git.LONG)
        return repository

    def _check_whole(self, repository: git.Repository, under: str) -> None:
        """ProcessError where commits came without those that they stand on: git takes that, for want of their files.

        Then nothing of this host is referred to any more, for git would fail at the hole also when it asks the others.
        """
        names = repository.git("for-each-ref", "--format=%(objectname) %(refname)", under).decode().splitlines()
        objects = {line.partition(" ")[0] for line in names}
        commits = {tag.commit for tag in read_tags(repository, {each: each for each in objects}) if tag.commit}
        try:
            repository.git("rev-list", "--count", "--stdin", stdin="\n".join(commits).encode(), timeout=git.LONG)
        except ProcessError as error:
            gone = "".join(f"delete {line.partition(' ')[2]}\n" for line in names)
            repository.git("update-ref", "--stdin", stdin=gone.encode())
            raise ProcessError(f"{self.config.url}: sent commits without those before them: {error}") from error


def _is_sha256(object_id: str) -> bool:
    return len(object_id) == 64


def _cursor(shown: Mapping[str, tuple[str, str]]) -> str:
    return json.dumps({"advertised": hashlib.sha256(json.dumps(shown).encode()).hexdigest()})


def _count(repository: git.Repository, pairs: Sequence[tuple[Commit, Commit]], tools: Tools) -> list[Evidence]:
    tools.progress("counting commits", 0, 0)
    found: list[Evidence] = []
    for first in range(0, len(pairs), _MOST_PAIRS):
        some = pairs[first : first + _MOST_PAIRS]
        tips = "\n".join(sorted({each for pair in some for each in pair})).encode()
        listing = ("--topo-order", "--no-commit-header", "--format=%H %P%x00%an", "--stdin")
        counted = count_pairs(repository.lines("rev-list", *listing, stdin=tips), some)
        found += [
            CountEvidence(base, commit, each.commits, each.commits - each.merges, each.authors, each.first_time_authors)
            for (base, commit), each in zip(some, counted, strict=True)
        ]
    return found
