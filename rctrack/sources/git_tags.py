"""Tags of a git repository: `ls-remote` says whether there is news; then commits only, never files."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.model import Commit, CountEvidence, Evidence, ObjectId, TagEvidence
from rctrack.process import ProcessError
from rctrack.sources import git
from rctrack.sources.counting import count_pairs
from rctrack.sources.git_range import fetch_range
from rctrack.sources.protocol import Failed, Good, Outcome, Range, Tools

_FIELDS = (
    "objectname",
    "objecttype",
    "*objectname",
    "*objecttype",
    "taggerdate:raw",
    "*committerdate:raw",
    "committerdate:raw",
    "refname:strip=2",
)
_FORMAT = "%00".join(f"%({field})" for field in _FIELDS)
_FEW = 8
"""Up to here one `rev-list` per pair is faster than one pass over the whole history."""


@dataclass(frozen=True, slots=True)
class GitTags:
    """One repository whose tags are followed."""

    config: TagsConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date) -> Outcome:
        """Every tag of the repository where anything changed since `cursor`, none where nothing did."""
        try:
            advertised = git.list_tags(self.config.url, self.tools)
            fresh = _cursor(advertised)
            if cursor is not None and cursor == fresh:
                return Good((), fresh)
            if cursor is not None and not advertised:
                return Failed(f"{self.config.url}: shows no tag any more, where there were some")
            if self._keeps_history:
                repository = self._repository()
                dated = {(tag.tag, tag.object_id): tag for tag in _read_tags(repository)}
            else:
                dated = {}
        except ProcessError as error:
            return git.failure(error)
        names = _parse_advertised(advertised)
        return Good(tuple(dated.get((tag.tag, tag.object_id), tag) for tag in names), fresh)

    def measure(self, ranges: Sequence[Range]) -> Outcome:
        """The counts of the ranges; in a repository whose history is not kept, the dates of their tags too."""
        try:
            if not self._keeps_history:
                return Good(
                    tuple(found for each in ranges for found in fetch_range(self.config.url, each, self.tools)), ""
                )
            repository = self._repository()
            if repository.git("rev-parse", "--is-shallow-repository").strip() == b"true":
                return Failed(f"{self.config.url}: is a shallow repository, in which nothing can be counted")
            pairs = [(each.base, each.commit) for each in ranges if each.base is not None]
            return Good(tuple(_count(repository, pairs, self.tools)), "")
        except ProcessError as error:
            return git.failure(error)

    @property
    def _keeps_history(self) -> bool:
        return self.project.keeps_history or git.local_path(self.config.url) is not None

    def _repository(self) -> git.Repository:
        path = git.local_path(self.config.url)
        if path is not None:
            found = git.git_dir(path)
            if found is None:
                raise ProcessError(f"{path}: is no git repository")
            return git.Repository(found, self.tools)
        name = f"{self.project.id}-tags"
        repository = git.keep_clone(
            self.config.url, name, self.tools, refspec="+refs/tags/*:refs/tags/*", only_commits=True
        )
        repository.git("commit-graph", "write", "--reachable", timeout=git.LONG)
        return repository


def _cursor(advertised: bytes) -> str:
    return json.dumps({"advertised": hashlib.sha256(advertised).hexdigest()})


def _parse_advertised(advertised: bytes) -> list[TagEvidence]:
    """Tags by name only; `^{}` lines give the commit behind an annotated tag."""
    objects: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for line in advertised.splitlines():
        object_id, _, ref = line.decode("utf-8", "replace").partition("\t")
        name = ref.removeprefix("refs/tags/")
        if name.endswith("^{}"):
            peeled[name[:-3]] = object_id
        else:
            objects[name] = object_id
    return [
        TagEvidence(name, ObjectId(object_id), Commit(peeled.get(name, object_id)), None)
        for name, object_id in objects.items()
    ]


def _read_tags(repository: git.Repository) -> list[TagEvidence]:
    tags = []
    for line in repository.lines("for-each-ref", f"--format={_FORMAT}", "refs/tags"):
        object_id, kind, behind, behind_kind, tagger_date, behind_date, committer_date, name = line.decode(
            "utf-8", "replace"
        ).split("\0")
        commit = object_id if kind == "commit" else behind if behind_kind == "commit" else None
        if kind == "tag" and behind_kind == "tag":
            commit = _peel(repository, object_id)
        tags.append(
            TagEvidence(
                tag=name,
                object_id=ObjectId(object_id),
                commit=Commit(commit) if commit else None,
                # A tag object of 2005 may lack its tagger: then the commit's own date is the best there is.
                tagged=git.parse_raw_date(tagger_date or committer_date or behind_date),
            )
        )
    return tags


def _peel(repository: git.Repository, object_id: str) -> str | None:
    """The commit behind a tag of a tag."""
    try:
        return repository.git("rev-parse", "--verify", "--quiet", f"{object_id}^{{commit}}").decode().strip()
    except ProcessError:
        return None


def _count(repository: git.Repository, pairs: Sequence[tuple[Commit, Commit]], tools: Tools) -> list[Evidence]:
    if len(pairs) > _FEW:
        tips = "\n".join(sorted({each for pair in pairs for each in pair})).encode()
        tools.progress("counting commits", 0, 0)
        rev_list = repository.lines("rev-list", "--topo-order", "--parents", "--stdin", stdin=tips)
        counted = count_pairs(rev_list, pairs)
    else:
        counted = [(_rev_list(repository, *pair), _rev_list(repository, *pair, "--no-merges")) for pair in pairs]
    return [
        CountEvidence(base, commit, commits, no_merges)
        for (base, commit), (commits, no_merges) in zip(pairs, counted, strict=True)
    ]


def _rev_list(repository: git.Repository, base: Commit, commit: Commit, *options: str) -> int:
    return int(repository.git("rev-list", "--count", *options, f"{base}..{commit}", timeout=git.LONG))
