"""Tags as GitHub's REST API shows them, for when its git does not answer: objects and commits, dates, and counts.

A look is a few requests, for without a key there are only sixty an hour: dates and counts are asked for as a range of
git is, a few releases at a time. https://docs.github.com/en/rest/git, https://docs.github.com/en/rest/commits/commits
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.evidence import Commit, CountEvidence, Evidence, Instant, ObjectId, TagEvidence
from rctrack.core.look import Outcome
from rctrack.sources.protocol import Answer, Good, Range, Tools, web_failure
from rctrack.web import WebError

_WANTED = ("application/json", "application/vnd.github+json")
_MOST_BYTES = 32 * 2**20
_A_PAGE = 100
_MOST_TAG_PAGES = 100
_MOST_RANGE_PAGES = 20
"""Of one range; a longer one is left to whoever can count it."""
_MOST_RANGES = 8
"""Of one look; the others have their turn at the next ones."""
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Github:
    """One repository at GitHub; `url` is the one for people, or the API's own."""

    config: TagsConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """Every tag where anything changed since `cursor`, none where nothing did; still without dates."""
        url = f"{self._api}/git/matching-refs/tags/"
        validator = cursor if cursor and "\n" in cursor else ""
        try:
            page = self.tools.web.get(url, _WANTED, most=_MOST_BYTES, validator=validator)
            if page.is_unchanged:
                return Good((), validator)
            rows = _array(url, page.content)
            objects = dict(_refs(rows))
            if rows and not objects:
                raise WebError(f"{url}: answered with a list that has no tag in it")
            commits = self._commits()
        except WebError as error:
            return web_failure(error)
        evidence = [
            TagEvidence(name, ObjectId(object_id), _commit(kind, object_id, commits.get(name)), None)
            for name, (kind, object_id) in objects.items()
        ]
        return Good(tuple(evidence), page.validator, is_whole=True)

    def probe(self, now: datetime) -> Answer:
        """One of the tags, or none of them in a list."""
        try:
            url = f"{self._api}/tags?per_page=1"
            rows = _array(url, self.tools.web.get(url, _WANTED, most=_MOST_BYTES).content)
            if rows and not any(_at(row, "commit", "sha") for row in rows):
                raise WebError(f"{url}: answered with a list that has no tag in it")
        except WebError as error:
            return web_failure(error)
        return Good((), "")

    def measure(self, ranges: Sequence[Range]) -> Answer:
        """The date of each range's tag, and its count where all of its commits can be read; the newest first."""
        found: list[Evidence] = []
        errors: list[WebError] = []
        for each in ranges[: -_MOST_RANGES - 1 : -1]:
            try:
                found.append(self._dated(each))
                # Asked to compare with a commit that it does not have, it answers 404.
                counted = self._count(each.base, each.commit) if each.base and each.is_base_shown else None
                found += [counted] if counted else []
            except WebError as error:
                errors.append(error)
                if error.outcome is not Outcome.MISREAD:
                    break
        if errors and not found:
            return web_failure(errors[0])
        return Good(tuple(found), "", notes=tuple(map(str, errors)))

    @property
    def _api(self) -> str:
        parts = urlsplit(self.config.url)
        if parts.hostname in ("github.com", "www.github.com"):
            return f"https://api.github.com/repos{parts.path.removesuffix('.git')}"
        return self.config.url

    def _get(self, path: str) -> Any:
        url = f"{self._api}{path}"
        return _parsed(url, self.tools.web.get(url, _WANTED, most=_MOST_BYTES).content)

    def _commits(self) -> dict[str, str]:
        """The commit behind each tag that leads to one."""
        commits: dict[str, str] = {}
        for number in range(1, _MOST_TAG_PAGES + 1):
            rows = self._get(f"/tags?per_page={_A_PAGE}&page={number}")
            if not isinstance(rows, list):
                break
            commits |= {str(_at(row, "name")): str(_at(row, "commit", "sha")) for row in rows}
            if len(rows) < _A_PAGE:
                break
        return commits

    def _dated(self, wanted: Range) -> TagEvidence:
        if str(wanted.object_id) == wanted.commit:
            written = _at(self._get(f"/git/commits/{quote(wanted.commit)}"), "committer", "date")
        else:
            written = _at(self._get(f"/git/tags/{quote(wanted.object_id)}"), "tagger", "date")
        return TagEvidence(wanted.tag, wanted.object_id, wanted.commit, _instant(written))

    def _count(self, base: Commit, commit: Commit) -> CountEvidence | None:
        """Exact or None: `ahead_by`, and every commit read for its parents and its author."""
        path = f"/compare/{quote(base)}...{quote(commit)}?per_page={_A_PAGE}"
        seen: dict[str, tuple[int, str]] = {}
        ahead: object = None
        for number in range(1, _MOST_RANGE_PAGES + 1):
            answer = self._get(f"{path}&page={number}")
            ahead, rows = _at(answer, "ahead_by"), _at(answer, "commits")
            if type(ahead) is not int or not isinstance(rows, list) or ahead > _A_PAGE * _MOST_RANGE_PAGES:
                return None
            for row in rows:
                sha, parents = str(_at(row, "sha")), _at(row, "parents")
                name = str(_at(row, "commit", "author", "name"))
                if _ID.fullmatch(sha):
                    seen[sha] = (len(parents) if isinstance(parents, list) else 0, name)
            if len(seen) >= ahead or not rows:
                break
        if not isinstance(ahead, int) or len(seen) != ahead:
            return None
        plain = [name for parents, name in seen.values() if parents <= 1]
        return CountEvidence(base, commit, ahead, len(plain), len(set(plain)), None)


def _parsed(url: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WebError(f"{url}: answered with something that is no JSON") from error


def _array(url: str, content: bytes) -> list[Any]:
    found = _parsed(url, content)
    if not isinstance(found, list):
        raise WebError(f"{url}: answered with something that is no list of tags")
    return found


def _refs(rows: list[Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name, kind and id of each object that a tag points to."""
    for row in rows:
        name, kind, object_id = (str(_at(row, *keys)) for keys in (("ref",), ("object", "type"), ("object", "sha")))
        if name.startswith("refs/tags/") and _ID.fullmatch(object_id):
            shown = name.removeprefix("refs/tags/")[:1000]
            yield shown if shown.isprintable() else repr(shown), (kind, object_id)


def _commit(kind: str, object_id: str, behind: str | None) -> Commit | None:
    """A lightweight tag is its commit; what is behind an annotated one, the list of tags says."""
    if kind == "commit":
        return Commit(object_id)
    return Commit(behind) if kind == "tag" and behind and _ID.fullmatch(behind) else None


def _at(value: Any, *keys: str) -> Any:
    """What stands at these keys; None where nothing does."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _instant(text: object) -> Instant | None:
    """GitHub writes UTC, whatever zone the tag has."""
    try:
        return Instant(datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
    except ValueError:
        return None
