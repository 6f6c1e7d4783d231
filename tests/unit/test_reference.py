"""The reference is what the code is; `make reference` writes it anew."""

import json
import re
from dataclasses import fields

import click

from rctrack.cli import main as program
from rctrack.core.release import Flag
from rctrack.core.summary import ReleaseSummary
from rctrack.show import json as shown
from rctrack.show import tables
from rctrack.show.json import Object
from tests.support.given import moment
from tests.tools import reference


def test_the_reference_is_as_the_code_is() -> None:
    """Commands, options, words and keys: none is missing, none is left over."""
    assert reference.FILE.read_text("utf-8") == reference.text(), "run `make reference`"


def test_it_names_each_command_and_each_key() -> None:
    """Not only what the generator happens to walk through."""
    written = reference.FILE.read_text("utf-8")
    for name in program.list_commands(click.Context(program)):
        assert f"### rctrack {name}" in written
    for word in (*(each.name for each in fields(ReleaseSummary)), *Flag):
        assert f"- `{word}`" in written


def test_each_column_of_status_is_a_key_of_its_json() -> None:
    """A column that has no key would be for people alone, and scripts would read tables."""
    row: Object = shown.status("demo", None, {}, None, [], {}, moment("2026-03-24 12:00"))
    heads = tables.status([row]).splitlines()[0].split()
    keys = {
        "PROJECT": "project", "CYCLE": "cycle", "NEWEST": "newest", "DAYS": "days_since", "NEXT": "next_in_words",
        "FLAGS": "flags", "SOURCES": "sources",
    }  # fmt: skip
    assert list(keys) == heads
    assert set(keys.values()) <= set(json.loads(json.dumps(row)))


def test_a_command_has_a_sentence() -> None:
    """Each says what it does, and each option too."""
    context = click.Context(program)
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        assert command is not None
        assert re.search(r"\.$", (command.help or "").strip()), name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (name, option.name)
