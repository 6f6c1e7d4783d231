"""Tags of a git repository: `ls-remote` says whether there is news; then commits only, never files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.model import Commit, CountEvidence, Evidence, ObjectId, TagEvidence
from rctrack.process import ProcessError
from rctrack.sources import git
from rctrack.sources.counting import count_pairs
from rctrack.sources.git_range import fetch_range
from rctrack.sources.objects import is_there, read_tags
from rctrack.sources.protocol import Failed, Good, Outcome, Range, Tools
from rctrack.sources.signing import verifier

Shown = Mapping[str, tuple[str, str]]
"""Tag -> its object and the object behind it, as a host advertises them."""

_MOST_ERRORS = 3
"""Then a host is left alone until the next look."""


@dataclass(frozen=True, slots=True)
class GitTags:
    """One repository whose tags are followed."""

    config: TagsConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None) -> Outcome:
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
            counted = _count(repository, [pair for pair in pairs if there.issuperset(pair)], self.tools)
            return Good((*counted, *self._verify(repository, ranges)), "")
        except ProcessError as error:
            return git.failure(error)

    def _verify(self, repository: git.Repository, ranges: Sequence[Range]) -> list[Evidence]:
        if self.project.signing is None:
            return []
        there = is_there(repository, {each.object_id for each in ranges})
        with verifier(self.project.signing, self.tools) as keys:
            return [keys.verify(repository, each.object_id) for each in ranges if each.object_id in there]

    def _fetch(self, ranges: Sequence[Range]) -> Outcome:
        """One fetch per range, as far as the host gives them."""
        found: list[Evidence] = []
        errors: list[ProcessError] = []
        for each in ranges:
            try:
                for evidence in fetch_range(self.config.url, each, self.tools, self.project.signing):
                    found.append(evidence)  # noqa: PERF402 - what came before a failure is kept
            except ProcessError as error:
                errors.append(error)
            if len(errors) == _MOST_ERRORS:
                break
        return git.failure(errors[0]) if errors and not found else Good(tuple(found), "")

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
        refspec = f"+refs/tags/*:refs/remotes/{remote}/*"
        repository = git.keep_clone(self.config.url, name, self.tools, refspec=refspec, only_commits=True, shared=True)
        repository.git("commit-graph", "write", "--reachable", timeout=git.LONG)
        return repository

    def _has_all(self, repository: git.Repository, shown: Shown) -> bool:
        wanted = {object_id for object_id, _ in shown.values()}
        return is_there(repository, wanted) == wanted


def _cursor(shown: Shown) -> str:
    return json.dumps({"advertised": hashlib.sha256(json.dumps(shown).encode()).hexdigest()})


def _count(repository: git.Repository, pairs: Sequence[tuple[Commit, Commit]], tools: Tools) -> list[Evidence]:
    if not pairs:
        return []
    tips = "\n".join(sorted({each for pair in pairs for each in pair})).encode()
    tools.progress("counting commits", 0, 0)
    listing = ("--topo-order", "--no-commit-header", "--format=%H %P%x00%an", "--stdin")
    counted = count_pairs(repository.lines("rev-list", *listing, stdin=tips), pairs)
    return [
        CountEvidence(base, commit, each.commits, each.commits - each.merges, each.authors, each.first_time_authors)
        for (base, commit), each in zip(pairs, counted, strict=True)
    ]
