"""List archives as public-inbox epochs: on disk, over HTTP, growing, purged, odd, absent."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from rctrack.sources import Failed
from tests.support.looking import look_at_list, outcome_of
from tests.support.material import BEGIN, HOUR, Epoch, Mail, git, make_epoch, make_repository
from tests.support.servers import BOT_WALL, BOT_WALL_IN_ONE_LINE, git_over_http, nobody_at_home, web_page

FIRST, SECOND, THIRD = (Mail(f"[ANNOUNCE] demo v1.{n}", at=BEGIN + n * HOUR) for n in (1, 2, 3))
TALK = Mail("Re: [ANNOUNCE] demo v1.1", "Sam <sam@example.org>", at=BEGIN + 2 * HOUR)


@contextmanager
def on_disk(folder: Path) -> Iterator[str]:
    yield str(folder)


@contextmanager
def as_file_url(folder: Path) -> Iterator[str]:
    yield folder.as_uri()


@contextmanager
def over_http(folder: Path) -> Iterator[str]:
    """As lore serves it: url/0, url/1, …"""
    for epoch in sorted((folder / "git").glob("*.git")):
        (folder / epoch.stem).symlink_to(epoch)
    with git_over_http(folder.parent) as server:
        yield f"{server.url}/{folder.name}"


EVERYWHERE = pytest.mark.parametrize("serve", [on_disk, as_file_url, over_http])
Serve = Callable[[Path], AbstractContextManager[str]]


def archive(tmp_path: Path, *epochs: list[Mail]) -> tuple[Path, list[Epoch]]:
    """An archive of these epochs."""
    made = []
    for number, mails in enumerate(epochs):
        made.append(make_epoch(tmp_path / "archive" / "git" / f"{number}.git"))
        if mails:
            made[-1].add(*mails)
    return tmp_path / "archive", made


@EVERYWHERE
def test_every_epoch_is_read_and_only_mails_whose_subject_fits(tmp_path: Path, serve: Serve) -> None:
    """The mails are whole, oldest first; talk is left where it is."""
    folder, _ = archive(tmp_path, [FIRST, TALK], [SECOND])
    with serve(folder) as url:
        mails = look_at_list(tmp_path / "user", url).mails()
    assert [mail.content for mail in mails] == [FIRST.content(), SECOND.content()]
    assert [mail.archived and mail.archived.at for mail in mails] == [FIRST.archived_at, SECOND.archived_at]


@EVERYWHERE
def test_the_next_look_brings_only_what_is_new(tmp_path: Path, serve: Serve) -> None:
    """In the epoch that was open, and in one that was begun since."""
    folder, [epoch] = archive(tmp_path, [FIRST, TALK])
    with serve(folder) as url:
        looker = look_at_list(tmp_path / "user", url)
        cursor = looker.good().cursor
        assert looker.mails(cursor) == []
        epoch.add(SECOND)
        assert [mail.content for mail in looker.mails(cursor)] == [SECOND.content()]
        cursor = looker.good(cursor).cursor
        assert looker.mails(cursor) == []


@pytest.mark.parametrize("serve", [on_disk, over_http])
def test_a_new_epoch_is_read_when_it_has_mail(tmp_path: Path, serve: Serve) -> None:
    """An epoch that is there and empty is normal, and changes nothing."""
    folder, [_, epoch] = archive(tmp_path, [FIRST], [])
    with serve(folder) as url:
        looker = look_at_list(tmp_path / "user", url)
        first = looker.good()
        assert len(first.evidence) == 1
        assert looker.good(first.cursor).evidence == ()
        epoch.add(SECOND, THIRD)
        assert [mail.content for mail in looker.mails(first.cursor)] == [SECOND.content(), THIRD.content()]


@pytest.mark.parametrize("place", ["archive.git", "archive/0", "archive/0.git", "archive/git/0.git"])
def test_an_archive_on_disk_may_be_one_epoch_or_a_folder_of_them(tmp_path: Path, place: str) -> None:
    """A mirror keeps the list's own layout, or only the epochs, or only one."""
    make_epoch(tmp_path / place).add(FIRST)
    root = place.split("/", maxsplit=1)[0]
    assert [mail.content for mail in look_at_list(tmp_path / "user", tmp_path / root).mails()] == [FIRST.content()]


def test_one_bare_epoch_over_http_is_an_archive(tmp_path: Path) -> None:
    """A host that mirrors epochs as single repositories has no url/0."""
    make_epoch(tmp_path / "served" / "list.0.git").add(FIRST)
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_list(tmp_path / "user", f"{server.url}/list.0.git")
        assert [mail.content for mail in looker.mails()] == [FIRST.content()]
        assert looker.good(looker.good().cursor).evidence == ()
        assert all("git/" in each.user_agent or "rctrack/" in each.user_agent for each in server.requests)


@pytest.mark.parametrize("serve", [on_disk, over_http])
def test_a_rewritten_history_loses_and_doubles_nothing(tmp_path: Path, serve: Serve) -> None:
    """A purge replaces every later commit: what was read has the same key again, what is new is there."""
    folder, [epoch] = archive(tmp_path, [TALK, FIRST, SECOND])
    with serve(folder) as url:
        looker = look_at_list(tmp_path / "user", url)
        before = looker.good()
        git(epoch.path, "update-ref", "-d", "refs/heads/master")
        epoch.add(FIRST, SECOND, THIRD)
        git(epoch.path, "reflog", "expire", "--expire=now", "--all")
        git(epoch.path, "gc", "--quiet", "--prune=now")
        after = looker.mails(before.cursor)
    keys = {mail.key for mail in (*before.evidence, *after) if isinstance(mail, MailEvidence)}
    assert len(keys) == 3
    assert THIRD.content() in [mail.content for mail in after]


def test_a_removed_mail_is_passed_over(tmp_path: Path) -> None:
    """The commit that takes a mail away has its subject too, and the file `d`: it brings nothing."""
    folder, [epoch] = archive(tmp_path, [FIRST])
    epoch.remove(FIRST)
    epoch.add(SECOND)
    assert [mail.content for mail in look_at_list(tmp_path / "user", folder).mails()] == [
        FIRST.content(),
        SECOND.content(),
    ]


def test_a_huge_subject_does_no_harm(tmp_path: Path) -> None:
    """Megabytes of subject, fitting or not, and the mails after it are read."""
    huge = Mail("x" * 3_000_000, at=BEGIN)
    fitting = Mail("[ANNOUNCE] demo v9.9" + " and more" * 300_000, at=BEGIN + HOUR)
    folder, _ = archive(tmp_path, [huge, fitting, FIRST])
    assert look_at_list(tmp_path / "user", folder).mails()[-1].content == FIRST.content()


def test_a_mail_over_the_size_limit_is_cut(tmp_path: Path) -> None:
    """Headers and shortlog are at its start."""
    big = Mail("[ANNOUNCE] demo v1.1", body="shortlog\n" + "x" * 6 * 2**20)
    folder, _ = archive(tmp_path, [big, SECOND])
    cut, whole = look_at_list(tmp_path / "user", folder).mails()
    assert len(cut.content) == 4 * 2**20
    assert big.content().startswith(cut.content)
    assert whole.content == SECOND.content()


def test_a_subject_in_another_charset_is_read(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 stand in no mail's way."""
    folder, _ = archive(tmp_path, [Mail("[ANNOUNCE] demo v1.1 für alle", at=BEGIN), SECOND])
    assert len(look_at_list(tmp_path / "user", folder).mails()) == 2


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a file"])
def test_what_is_no_archive_fails_with_the_reason(tmp_path: Path, what: str) -> None:
    """The reason names the place."""
    place = tmp_path / "place"
    if what == "an empty folder":
        place.mkdir()
    elif what == "a file":
        place.write_text("no repository\n")
    outcome = look_at_list(tmp_path / "user", place).look()
    assert isinstance(outcome, Failed)
    assert str(place) in outcome.reason
    assert outcome.outcome is Outcome.MISREAD


def test_an_archive_without_any_mail_is_good(tmp_path: Path) -> None:
    """A new list is empty; that is no failure."""
    folder, _ = archive(tmp_path, [])
    assert look_at_list(tmp_path / "user", folder).good().evidence == ()


def test_a_repository_that_is_not_there_fails_but_the_host_answers(tmp_path: Path) -> None:
    """404 is an answer: nobody is offline."""
    make_repository(tmp_path / "served" / "other.git")
    with git_over_http(tmp_path / "served") as server:
        assert outcome_of(look_at_list(tmp_path / "user", f"{server.url}/list").look()) is Outcome.MISREAD


def test_a_machine_that_refuses_and_a_name_that_leads_nowhere_are_told_apart(tmp_path: Path) -> None:
    """The machine proves that our network works; the name may be our own network's fault."""
    with nobody_at_home() as url:
        assert outcome_of(look_at_list(tmp_path / "user", f"{url}/list").look()) is Outcome.REFUSED
    assert outcome_of(look_at_list(tmp_path / "user", "http://nobody.invalid/list").look()) is Outcome.NO_ANSWER


def test_a_host_that_goes_away_between_two_looks_loses_nothing(tmp_path: Path) -> None:
    """An outage is no absence of epochs, and the cursor of before still serves."""
    folder, [epoch] = archive(tmp_path, [FIRST])
    (folder / "0").symlink_to(epoch.path)
    with git_over_http(tmp_path) as server:
        looker = look_at_list(tmp_path / "user", f"{server.url}/archive")
        cursor = looker.good().cursor
    assert outcome_of(looker.look(cursor)) is Outcome.REFUSED


def test_a_page_instead_of_a_repository_is_blocked(tmp_path: Path) -> None:
    """200 with HTML is a bot wall, not an empty archive."""
    for page in (BOT_WALL, BOT_WALL_IN_ONE_LINE):
        with web_page(page) as url:
            assert outcome_of(look_at_list(tmp_path / "user", f"{url}/list").look()) is Outcome.BLOCKED


@pytest.mark.parametrize("page", [BOT_WALL, BOT_WALL_IN_ONE_LINE])
def test_a_page_in_front_of_a_known_archive_is_no_news_of_it(tmp_path: Path, page: bytes) -> None:
    """What we kept is not taken for what the host says now."""
    served = tmp_path / "served" / "list"
    make_epoch(served / "0").add(FIRST)
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_list(tmp_path / "user", f"{server.url}/list")
        cursor = looker.good().cursor
        server.page = page
        assert outcome_of(looker.look(cursor)) is Outcome.BLOCKED
        server.page = None
        assert looker.good(cursor).evidence == ()


def test_the_users_own_git_settings_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What we keep is ours: another name for the first branch, or a template, changes nothing."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[init]\n\tdefaultBranch = trunk\n[fetch]\n\tprune = true\n[log]\n\tshowSignature = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    make_epoch(tmp_path / "served" / "list" / "0").add(FIRST)
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_list(tmp_path / "user", f"{server.url}/list")
        assert [mail.content for mail in looker.mails()] == [FIRST.content()]


@pytest.mark.timeout(60)
def test_a_subject_made_to_be_slow_is_not(tmp_path: Path) -> None:
    """Subjects are cut before the project's expression sees them, as they are when the mail is recognised."""
    folder, _ = archive(tmp_path, [Mail("[ANNOUNCE] " + "demo a " * 120_000, at=BEGIN), FIRST])
    subject = r"^\[ANNOUNCE\]\s(?:.*\s)?demo\s(?:\w+\s)*v(?P<version>\S+)"
    assert [mail.content for mail in look_at_list(tmp_path / "user", folder, subject).mails()] == [FIRST.content()]
