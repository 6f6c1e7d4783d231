"""docs/reference.md, written from the code: commands, words and JSON, so that it is never older than they are.

python -m tests.tools.reference        writes it anew
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

import click

from rctrack.cli import main as program
from rctrack.config.kinds import LISTS, SITES, TAGS
from rctrack.core.evidence import Station
from rctrack.core.hosts import OutageKind
from rctrack.core.lateness import Cause, DelayKind
from rctrack.core.look import Outcome
from rctrack.core.notice import FACTS, Kind
from rctrack.core.release import Flag
from rctrack.core.summary import ReleaseSummary

FILE = Path(__file__).parents[2] / "docs" / "reference.md"
WORDS: tuple[tuple[str, type[StrEnum]], ...] = (
    ("Notices (`rctrack notices`, column `kind`)", Kind),
    ("Flags of a release", Flag),
    ("Stations of a release", Station),
    ("Kinds of delays", DelayKind),
    ("Causes of delays", Cause),
    ("Kinds of outages", OutageKind),
    ("What a look comes to", Outcome),
)


def text() -> str:
    """The whole file."""
    parts = [
        "# Reference",
        "Written from the code by `make reference`; [design.md](design.md) says what the words mean together, and",
        "[config/rctrack.toml](../config/rctrack.toml) has every key of the configuration with its default.",
        "",
        "## Commands",
        *_commands(),
        "## Kinds of sources",
        *_kinds(),
        "## Words",
        *(line for title, kind in WORDS for line in _words(title, kind)),
        "## JSON",
        *_json(),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _commands() -> Iterator[str]:
    context = click.Context(program, info_name="rctrack")
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        if command is None or command.hidden:
            continue
        usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name)))
        yield f"### rctrack {name} {usage}\n"
        yield " ".join((command.help or "").split()) + "\n"
        options = [each for each in command.params if isinstance(each, click.Option)]
        yield from (f"- `{_spelled(each)}`: {each.help or ''}" for each in options)
        if options:
            yield ""


def _spelled(option: click.Option) -> str:
    metavar = "" if option.is_flag else f" {option.make_metavar(click.Context(program))}"
    return ", ".join(option.opts) + metavar


def _kinds() -> Iterator[str]:
    for title, family in (("[[lists]]", LISTS), ("[[tags]]", TAGS), ("[[listings]]", SITES)):
        yield f"- `{title}`: {', '.join(f'`{name}`' for name in family)}"
    yield ""


def _words(title: str, kind: type[StrEnum]) -> Iterator[str]:
    yield f"### {title}\n"
    said = _docstrings(kind)
    for member in kind:
        explained = f": {said[member.name]}" if member.name in said else ""
        yield f"- `{member.value}`{explained}"
    yield ""


def _docstrings(kind: type) -> dict[str, str]:
    """What stands below each name in the body of the class, on one line."""
    [tree] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    found, name = {}, ""
    for each in tree.body:
        match each:
            case ast.Assign(targets=[ast.Name(id=assigned)]) | ast.AnnAssign(target=ast.Name(id=assigned)):
                name = assigned
            case ast.Expr(value=ast.Constant(value=str(said))) if name:
                found[name] = " ".join(said.split())
                name = ""
            case _:
                name = ""
    return found


def _json() -> Iterator[str]:
    yield "Instants are ISO 8601 in UTC and end in Z; what is not known is null.\n"
    yield "### A release (`releases --json`, `show --json`)\n"
    yield from _keys(ReleaseSummary)
    yield "- `delays`: those of this release"
    yield ""
    for kind, facts in FACTS.items():
        yield f"### The facts of `{kind}` (`notices --json`)\n"
        yield from _keys(facts)
        yield ""


def _keys(kind: type) -> Iterator[str]:
    said = _docstrings(kind)
    for each in fields(kind):
        explained = f": {said[each.name]}" if each.name in said else ""
        yield f"- `{each.name}`{explained}"


def main() -> None:
    """Writes the file."""
    FILE.write_text(text(), "utf-8")


if __name__ == "__main__":
    main()
