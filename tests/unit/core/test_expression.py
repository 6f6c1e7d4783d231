"""Expressions from project files on what strangers write: never slow, and the same as re where that is quick."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType

import pytest

from rctrack import config
from rctrack.config import ConfigError
from rctrack.core.evidence import MailEvidence
from rctrack.core.expression import longest, objection, search
from rctrack.core.recognise import recognise_mail, subject_may_fit
from rctrack.core.rules import ListRules
from tests.support.given import LIST, sighting

SECONDS = 2
"""Of processor time for one text; what is not bounded takes years."""
EXPLODING = [
    r"^(\w+\s?)*$",
    r"^\[ANN\](?:\s*\w+\s*)*v(?P<version>\d\S*)",
    r"(a+)+b",
    r"(?:a|a)*b",
    r"^(?:a|b|ab)*c",
    r"^(?:a?b?)*c",
    r"(?:(?:a?|b?)c)*d",
    r"^(?:(?: ?)+-)+x",
    r"^(?:[^\s]+\s*)+x",
    r"^(?:\w{0,9} ?){0,9}x",
    r"(?i)^(?:demo |DEMO )*v",
    r"^(?:.\s)*(?:\w+\W?)+$",
    r"(?:\w(\w)(?:(?:[^a])*)*?){2}",
]
HARMLESS = [
    (r"^\[ANNOUNCE\]\s(?:.*\s)?util-linux\s(?:\w+\s)*v(?P<version>\S+)", 1000),
    (r"demo v(?P<version>\S+)", 1000),
    (r"^demo (?P<version>\d+(?:\.\d+)*(?:[-.]rc\d+)?)$", 1000),
    (r"^\[ANN\].*demo.*v?(?P<version>\d\S*).*$", 1000),
    (r"^(?:\d{4}-){3}x", 1000),
    (r"(?s)^(?=.*demo)(?!.*other)v(?P<version>\S+)", 1000),
    (r"demo.*v(?P<version>\d\S*) released", 200),
    (r"^[\](]*[^]y]+demo$", 1000),
    (r"^(?:[^a]+[^ab]*-|x)+", 200),
]


class TooSlow(Exception):
    """The search was broken off."""


@contextmanager
def limited() -> Iterator[None]:
    """Breaks off what takes longer; re looks for signals while it works."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("pattern", EXPLODING)
def test_an_expression_that_can_take_years_is_objected_to(pattern: str) -> None:
    """And if it comes by another way it gets so few characters that it ends."""
    assert "years" in (objection(pattern) or "")
    assert longest(pattern) == 20
    for unit in ("a", "ab ", "word ", "- ", "demo "):
        with limited():
            search(pattern, unit * 60 + "!")


@pytest.mark.parametrize(("pattern", "most"), HARMLESS)
def test_an_expression_whose_time_is_bounded_is_welcome(pattern: str, most: int) -> None:
    """It gets the more of a subject the slower its time grows."""
    assert objection(pattern) is None
    assert longest(pattern) == most
    for unit in ("a", "demo v1", "[ANN] demo v1 ", "1.1.", "2026-", " "):
        with limited():
            search(pattern, unit * 500 + "\n")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"a(", "missing )"),
        (r"(?x) demo v (?P<version>\S+)", "(?x) is not supported here"),
        (r"^.*,.*,.*,.*,(?P<version>\d+)x", "grows with the 4th power"),
    ],
)
def test_an_objection_names_what_is_wrong(pattern: str, words: str) -> None:
    """In words for who wrote it."""
    assert words in (objection(pattern) or "")


def test_a_search_finds_what_re_finds() -> None:
    """With the whole text in hand, of which the expression got only the beginning."""
    text = "[ANNOUNCE] demo v1.2 and v1.1"
    hit = search(r"demo v(?P<version>\S+)", text)
    assert hit is not None
    assert (hit["version"], hit.string) == ("1.2", text)
    assert search(r"demo.*v(?P<version>\d\S*) released", f"{'x' * 300} demo v1 released") is None


@pytest.mark.parametrize("stem", sorted(config.known_projects(config.shipped() / "rctrack.toml")))
def test_no_shipped_expression_is_cut_short(stem: str) -> None:
    """Each gets a whole subject."""
    project = config.load_project(stem, config.shipped() / "rctrack.toml")
    patterns = [source.rules.subject for source in project.lists]
    for pattern in [*patterns, *([project.rules.ignore_tags] if project.rules.ignore_tags else [])]:
        assert longest(pattern) == 1000


def test_a_project_file_with_such_an_expression_is_refused(tmp_path: Path) -> None:
    """By file and key, also where the expression is about tags."""
    (tmp_path / "projects").mkdir()
    place = tmp_path / "projects" / "demo.toml"
    base = 'scheme = "dotted"\n[[lists]]\nkind = "maildir"\nurl = "/srv/demo"\nfrom = "kim@example.org"\n'
    place.write_text(rf"{base}subject = '^(?:\w+\s?)*v(?P<version>\S+)'")
    with pytest.raises(ConfigError, match=r"demo.toml: lists.1.subject: found .*it can take years"):
        config.load_project("demo", tmp_path / "rctrack.toml")
    place.write_text(r"ignore_tags = '(\w+-?)*$'" + f"\n{base}" + r"subject = '^v(?P<version>\S+)'")
    with pytest.raises(ConfigError, match=r"demo.toml: ignore_tags: found .*it can take years"):
        config.load_project("demo", tmp_path / "rctrack.toml")


@pytest.mark.parametrize("pattern", EXPLODING)
def test_a_subject_from_a_stranger_freezes_nothing(pattern: str) -> None:
    """Even with an expression that no project file would be read with."""
    subject_pattern = pattern if "version" in pattern else rf"{pattern}(?P<version>\S*)"
    rules = ListRules(frozenset({"kim@example.org"}), subject_pattern, (), None)
    for unit in ("a", "ab ", "word ", "- "):
        subject = unit * 40 + "!"
        content = f"From: kim@example.org\nSubject: {subject}\nMessage-ID: <a@b>\n\n".encode()
        with limited():
            subject_may_fit(rules, subject)
            recognise_mail(rules, "dotted", MailEvidence("key", content, None), sighting(LIST, "2026-06-01 00:00"))


ATOMS = ["a", "b", r"\w", ".", "[ab]", r"\s", r"\S", " ", "x", "[^a]", "-"]


def any_pattern(random: Random, depth: int) -> str:
    """An expression as nobody would write it."""
    form = random.random()
    if depth == 0 or form < 0.3:
        text = random.choice(ATOMS)
    elif form < 0.55:
        text = "".join(any_pattern(random, depth - 1) for _ in range(random.randint(1, 3)))
    elif form < 0.7:
        text = f"(?:{any_pattern(random, depth - 1)}|{any_pattern(random, depth - 1)})"
    elif form < 0.75:
        return f"(?={any_pattern(random, depth - 1)})"
    else:
        text = f"(?:{any_pattern(random, depth - 1)})"
    if random.random() < 0.4:
        text = f"(?:{text}){random.choice(['*', '+', '?', '{0,3}', '{2}', '*?'])}"
    return text


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_not_objected_to_is_quick(seed: int) -> None:
    """Thousands of expressions at random, each on texts that repeat and then end otherwise."""
    random = Random(seed)
    judged = 0
    while judged < 300:
        pattern = random.choice(["^", ""]) + any_pattern(random, 4) + random.choice(["", "!", "$", "x"])
        if objection(pattern) is not None:
            continue
        judged += 1
        for _ in range(6):
            unit = "".join(random.choice("ab x-") for _ in range(random.randint(1, 4)))
            text = (unit * 1000)[: longest(pattern) - 1] + random.choice(["!", "\n", "Z", ""])
            with limited():
                hit = search(pattern, text)
            if len(text) <= 60:
                assert (hit and hit.span()) == ((plain := re.search(pattern, text)) and plain.span())
