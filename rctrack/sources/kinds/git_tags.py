"""Tags of a git repository: `ls-remote` says whether there is news; then commits only, never files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.evidence import Commit, CountEvidence, Evidence, ObjectId, TagEvidence
from rctrack.process import ProcessError
from rctrack.sources.gitstore import repository as git
from rctrack.sources.gitstore.counting import count_pairs
from rctrack.sources.gitstore.git_range import fetch_range
from rctrack.sources.gitstore.objects import is_there, read_tags
from rctrack.sources.gitstore.signing import verifier
from rctrack.sources.protocol import Failed, Good, Outcome, Range, Tools

Shown = Mapping[str, tuple[str, str]]
"""Tag -> its object and the object behind it, as a host advertises them."""


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

    def look(self, cursor: str | None, since: date) -> Outcome:
        """Every tag of the repository where anything changed since `cursor`, none where nothing did."""
        try:
            shown = git.list_tags(self.config.url, self.tools)
            fresh = _cursor(shown)
            if cursor is not None and cursor == fresh:
                return Good((), fresh)
            if cursor is not None and not shown:
                return Failed(f"{self.config.url}: shows no tag any more, where there were some")
            if self._keeps_history:
                objects = {name: object_id for name, (object_id, _) in shown.items()}
                tags = read_tags(self._repository(shown), objects)
            else:
                tags = [
                    TagEvidence(name, ObjectId(object_id), Commit(peeled), None)
                    for name, (object_id, peeled) in shown.items()
                ]
        except ProcessError as error:
            return git.failure(error)
        return Good(tuple(tags), fresh, is_whole=True)

    def measure(self, ranges: Sequence[Range]) -> Outcome:
        """The counts of the ranges; in a repository whose history is not kept, the dates of their tags too."""
        if not self._keeps_history:
            return self._fetch(ranges)
        try:
            repository = self._repository(None)
            if repository.git("rev-parse", "--is-shallow-repository").strip() == b"true":
                return Failed(f"{self.config.url}: is a shallow repository, in which nothing can be counted")
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
            return git.failure(error)
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

    def _fetch(self, ranges: Sequence[Range]) -> Outcome:
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
            return git.failure(errors[0])
        return Good(tuple(found), "", notes=tuple(git.failure(each).reason for each in errors))

    @property
    def _keeps_history(self) -> bool:
        return self.project.keeps_history or git.local_path(self.config.url) is not None

    def _repository(self, shown: Shown | None) -> git.Repository:
        """Where the commits are: the user's own repository, or ours, which all remotes of the project share."""
        path = git.local_path(self.config.url)
        if path is not None:
            found = git.git_dir(path)
            if found is None:
                raise ProcessError(f"{path}: is no git repository")
            return git.Repository(found, self.tools)
        name = f"{self.project.id}-tags"
        kept = git.kept(name, self.tools)
        if kept is not None and (shown is None or self._has_all(kept, shown)):
            return kept
        remote = hashlib.sha256(self.config.url.encode()).hexdigest()[:12]
        under = f"refs/remotes/{remote}/"
        refspec = f"+refs/tags/*:{under}*"
        repository = git.keep_clone(self.config.url, name, self.tools, refspec=refspec, only_commits=True, shared=True)
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

    def _has_all(self, repository: git.Repository, shown: Shown) -> bool:
        wanted = {object_id for object_id, _ in shown.values()}
        return is_there(repository, wanted) == wanted


def _cursor(shown: Shown) -> str:
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
