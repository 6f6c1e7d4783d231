"""Tags as cgit's pages show them, for a host whose git does not answer: names, objects and dates, and no counts.

The page of a tag has the id of the tag object, the date that is written in it and what it points to; the list of tags
has the date of a lightweight one, which is its commit's. Both are good to the second.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.evidence import Commit, Instant, ObjectId, TagEvidence
from rctrack.core.look import Outcome
from rctrack.process import Interrupted
from rctrack.sources.html import archive
from rctrack.sources.protocol import Answer, Failed, Good, Tools, web_failure
from rctrack.web import Page, WebError

_MOST_TAGS = 10_000
_DEEPEST = 5
"""Tags of tags of tags; deeper ones lead to no commit for us."""
_COMMIT = re.compile(r"/commit/\?(?:[^#]*&)?id=([0-9a-f]{40,64})(?![0-9a-f])")
_TAG = re.compile(r"/tag/\?(?:[^#]*&)?id=([0-9a-f]{40,64})(?![0-9a-f])")
_NAMED = re.compile(r"\(([0-9a-f]{40,64})\)$")


@dataclass(frozen=True, slots=True)
class _Row:
    """What is known of a tag: the line of the list, and from its page what it is."""

    line: str
    """All that the list shows of it but its age: a tag whose line stays is not asked for again."""
    shown: str
    """The date in the list."""
    object_id: str = ""
    target: str = ""
    """The commit that it points to, or "tag" and the tag object; empty for a tree or a blob."""
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Cgit:
    """One repository behind cgit; `url` is the page of the repository."""

    config: TagsConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """Every tag where the list has changed since `cursor`, none where it has not; a page per new tag."""
        known = _load(cursor)
        try:
            listed = _listed(self.tools.web.get(f"{self.config.url}/refs/tags/"))
            is_same = {name: row.line for name, row in known.items()} == {n: row.line for n, row in listed.items()}
            if cursor is not None and is_same:
                return Good((), _dump(known))
            if known and not listed:
                reason = f"{self.config.url}: shows no tag any more, where there were some"
                return Failed(Outcome.MISREAD, reason)
            read = {name: self._read(name, row, known.get(name)) for name, row in listed.items()}
        except WebError as error:
            return web_failure(error)
        return Good(tuple(_evidence(read)), _dump(read), is_whole=True)

    def probe(self, now: datetime) -> Answer:
        """The list of tags, and the page of the first of them."""
        try:
            listed = _listed(self.tools.web.get(f"{self.config.url}/refs/tags/"))
            for name, row in list(listed.items())[:1]:
                self._read(name, row, None)
        except WebError as error:
            return web_failure(error)
        return Good((), "")

    def _read(self, name: str, row: _Row, before: _Row | None) -> _Row:
        if before is not None and before.line == row.line:
            return before
        if self.tools.runner.stopping.is_set():
            raise Interrupted("reading cgit's pages")
        self.tools.progress(f"{self.project.id}: reading cgit's pages", 0, 0)
        page = self.tools.web.get(f"{self.config.url}/tag/?h={quote(name)}")
        facts = {
            archive.text_of(cells[0]): cells[1]
            for line in archive.parse(page, "table").select("table.commit-info tr")
            if len(cells := line.find_all("td", recursive=False)) == 2
        }
        if not {"tag name", "tagged object"} <= facts.keys():
            raise WebError(f"{page.url}: answered with something that is no tag of cgit")
        link = facts["tagged object"].find("a", href=True)
        href = str(link["href"]) if link else ""
        commit, tag = _COMMIT.search(href), _TAG.search(href)
        target = commit[1] if commit else f"tag {tag[1]}" if tag else ""
        # A lightweight tag is what it points to, and has no date of its own.
        named = _NAMED.search(archive.text_of(facts["tag name"]))
        dated = archive.text_of(facts["tag date"]) if "tag date" in facts else row.shown
        return _Row(row.line, row.shown, named[1] if named else target, target, dated)


def _listed(page: Page) -> dict[str, _Row]:
    """The tags of cgit's list, by name; WebError where the page is none."""
    content = archive.parse(page, "div").select_one("#cgit .content")
    if content is None or content.select_one(".error") is not None:
        raise WebError(f"{page.url}: answered with something that is no list of tags of cgit")
    rows: dict[str, _Row] = {}
    for line in content.select("table.list tr"):
        cells = line.find_all("td", recursive=False)
        if len(cells) != 4:
            continue
        age = cells[3].find("span", title=True)
        shown = str(age["title"]) if age else ""
        links = [str(link["href"]) for link in cells[1].find_all("a", href=True)]
        name = cells[0].get_text()
        rows[name] = _Row(" ".join([*links, archive.text_of(cells[2]), shown]), shown)
        if len(rows) > _MOST_TAGS:
            raise WebError(f"{page.url}: more than {_MOST_TAGS} tags")
    return rows


def _evidence(rows: dict[str, _Row]) -> Iterator[TagEvidence]:
    """A tag of a tag is what that one is, where the list has it too."""
    behind = {f"tag {row.object_id}": row.target for row in rows.values()}
    for name, row in rows.items():
        target = row.target
        for _ in range(_DEEPEST):
            target = behind.get(target, target)
        commit = Commit(target) if target and not target.startswith("tag ") else None
        if row.object_id:
            shown = name if name.isprintable() else repr(name)
            yield TagEvidence(shown, ObjectId(row.object_id), commit, _instant(row.dated))


def _instant(text: str) -> Instant | None:
    """The instant of "2025-03-18 13:51:30 +0100"; None where it is none."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
        return Instant(found.astimezone(UTC), found.utcoffset() or timedelta(0))
    except (ValueError, OverflowError):
        return None


def _load(cursor: str | None) -> dict[str, _Row]:
    try:
        return {name: _Row(*row) for name, row in json.loads(cursor or "{}").items()}
    except ValueError:
        return {}


def _dump(rows: dict[str, _Row]) -> str:
    return json.dumps({name: [r.line, r.shown, r.object_id, r.target, r.dated] for name, r in rows.items()})
