"""What every kind of list archive keeps to, each kind on the same mails and behind a real server where it has one."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from rctrack.config import kinds
from rctrack.core.evidence import Instant, MailEvidence
from rctrack.core.look import Outcome
from rctrack.core.release import Announcement
from rctrack.sources import LISTS, Coverage, Failed, Good
from rctrack.web import Web
from tests.support import rendered
from tests.support.archive_servers import Pages, in_front_of, public_inbox, serve_answer, serve_folder
from tests.support.archives import LOOKED_AT, PROGRAM, Archive, open_archive
from tests.support.garbage import GARBAGE, HOSTILE, UNKNOWN_WALL
from tests.support.looking import outcome_of
from tests.support.material import BEGIN, DAY, HOUR, Mail, hidden, make_epoch
from tests.support.rendered import ANNOUNCED, CORPUS, NEWS, RULES, SUBJECT
from tests.support.servers import git_over_http, hanging_up, nobody_at_home

Needs = Callable[[str], Path]
LIST = "archives/list/demo@lists.example.org"


@dataclass(slots=True)
class Served:
    """A running archive."""

    kind: str
    url: str
    add: Callable[[Mail], None]
    """One more mail arrives."""
    pages: Pages | None = None
    """The host, where there is one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of archive, and what it cannot carry."""

    name: str
    """As the table has it, and where there are several ways of it, behind a blank which one this is."""
    serve: Callable[[Path, Needs, tuple[Mail, ...]], AbstractContextManager[Served]]
    is_remote: bool = True
    received: bool = True
    """Whether the Received headers come with the mail."""
    offsets: bool = True
    """Whether the zone of the Date header does."""
    to_the_minute: bool = False
    """Whether seconds are lost."""
    idle: int = 3
    """Pages that a look asks for again at most where nothing has come."""

    def carried(self, mail: Announcement) -> Announcement:
        """What this kind can carry of an announcement; archived dates and sightings are each source's own."""
        announced = mail.announced
        if announced and not self.offsets:
            announced = Instant(announced.at)
        if announced and self.to_the_minute:
            announced = replace(announced, at=announced.at.replace(second=0))
        delivered, wait = (mail.delivered, mail.longest_wait) if self.received else (None, None)
        return replace(mail, announced=announced, delivered=delivered, longest_wait=wait, archived=None, url=None)


@contextmanager
def epochs(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    epoch = make_epoch(folder / "git" / "0.git").path
    rendered.import_epoch(epoch, mails)
    yield Served("public-inbox", str(folder), lambda mail: rendered.import_epoch(epoch, [mail]))


@contextmanager
def cloned(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    """The epochs by git over HTTP, behind a host that can fail."""
    epoch = make_epoch(folder / "demo" / "0").path
    rendered.import_epoch(epoch, mails)
    with git_over_http(folder) as server, in_front_of(server.url) as pages:
        add = lambda mail: rendered.import_epoch(epoch, [mail])  # noqa: E731
        yield Served("public-inbox", f"{pages.url}/demo", add, pages)


@contextmanager
def searched(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    """A real public-inbox, behind a host that can fail."""
    programs = needs("public-inbox-httpd").parent
    needs("xapian-compact")
    with public_inbox(folder, programs, []) as inbox:
        rendered.import_epoch(inbox.archive / "git" / "0.git", mails)
        inbox.run("public-inbox-index", "-L", "full", str(inbox.archive))
        with in_front_of(inbox.url) as pages:
            yield Served("public-inbox-http", pages.url, lambda mail: inbox.add(rendered.content(mail)), pages)


@contextmanager
def by_atom(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    """The same behind a host that lets no POST through."""
    with searched(folder, needs, mails) as served:
        assert served.pages is not None
        served.pages.broken = lambda method, path: (405, "text/plain", b"no") if method == "POST" else None
        yield served


def pages(
    kind: str, render: Callable[[Path, list[Mail]], None], below: str = "demo"
) -> Callable[[Path, Needs, tuple[Mail, ...]], AbstractContextManager[Served]]:
    """An archive of pages in a folder."""

    @contextmanager
    def serve(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
        shown = list(mails)
        (folder / below).mkdir(parents=True, exist_ok=True)

        def add(mail: Mail) -> None:
            shown.append(mail)
            render(folder / below, shown)

        render(folder / below, shown)
        with serve_folder(folder) as host:
            yield Served(kind, f"{host.url}/{below}", add, host)

    return serve


@contextmanager
def exported(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    """Mailman 3 with its mailbox export; its pages are there too, and list threads alone."""
    shown = list(mails)
    with pages("hyperkitty", rendered.render_hyperkitty, LIST)(folder, needs, mails) as served:
        assert served.pages is not None
        put = served.add

        def export(_: str, path: str) -> tuple[int, str, bytes] | None:
            content = rendered.export_of_hyperkitty(shown, path)
            return None if content is None else (200, "application/gzip", content)

        def add(mail: Mail) -> None:
            shown.append(mail)
            put(mail)

        served.pages.broken = export
        yield replace(served, add=add)


def in_french(folder: Path, mails: Sequence[Mail]) -> None:
    rendered.render_pipermail(folder, mails, rendered.FRENCH)


@contextmanager
def mhonarc(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    program = needs("mhonarc")
    made = pages("mhonarc", lambda place, shown: rendered.render_mhonarc(program, place, shown))
    with made(folder, needs, mails) as served:
        yield served


@contextmanager
def spammode(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    """As most public archives are made: what people see of an address is crossed out."""
    program = needs("mhonarc")
    made = pages("mhonarc", lambda place, shown: rendered.render_mhonarc(program, place, shown, "-spammode"))
    with made(folder, needs, mails) as served:
        yield served


@contextmanager
def mbox(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    folder.mkdir()
    rendered.write_mbox(folder / "inbox", mails)
    yield Served("mbox", str(folder / "inbox"), lambda mail: rendered.write_mbox(folder / "inbox", [mail]))


@contextmanager
def maildir(folder: Path, needs: Needs, mails: tuple[Mail, ...]) -> Iterator[Served]:
    rendered.write_maildir(folder, mails)
    yield Served("maildir", str(folder), lambda mail: rendered.write_maildir(folder, [mail]))


by_pages = pages("hyperkitty", rendered.render_hyperkitty, LIST)
KINDS = (
    Kind("public-inbox in a folder", epochs, is_remote=False),
    Kind("public-inbox by git", cloned),
    Kind("public-inbox-http", searched),
    Kind("public-inbox-http by Atom", by_atom),
    Kind("pipermail", pages("pipermail", rendered.render_pipermail), received=False),
    Kind("pipermail in French", pages("pipermail", in_french), received=False, idle=4),
    Kind("pipermail by pages", pages("pipermail", rendered.render_pages_of_pipermail), received=False, offsets=False),
    Kind("hypermail", pages("hypermail", rendered.render_hypermail), received=False),
    Kind("hyperkitty", exported, received=False),
    Kind("hyperkitty by pages", by_pages, received=False, to_the_minute=True, idle=5),
    Kind("mhonarc", mhonarc, received=False),
    Kind("mhonarc with spammode", spammode, received=False),
    Kind("mbox", mbox, is_remote=False),
    Kind("maildir", maildir, is_remote=False),
)
REMOTE = tuple(kind for kind in KINDS if kind.is_remote)


@dataclass(slots=True)
class Given:
    """A kind of archive with the corpus in it, and how to open it."""

    kind: Kind
    served: Served
    folder: Path
    opened: list[Archive] = field(default_factory=list)

    def open(self) -> Archive:
        return open_archive(self.folder / "state", self.served.kind, self.served.url, RULES)

    def expected(self, *mails: Mail) -> dict[str, Announcement]:
        """What is recognised in the mails themselves, as far as this kind carries it."""
        folder = self.folder / f"as-mbox-{len(mails)}"
        rendered.write_mbox(folder, mails)
        own = open_archive(self.folder, "mbox", folder, RULES)
        return {key: self.kind.carried(each) for key, each in own.recognised(own.good()).items()}


def recognised(given: Given, archive: Archive, cursor: str | None = None) -> tuple[dict[str, Announcement], str]:
    """What a look brings, as far as it can be compared, and the next cursor."""
    outcome = archive.good(cursor)
    found = archive.recognised(outcome).items()
    return {key: given.kind.carried(replace(each, sighting=each.sighting)) for key, each in found}, outcome.cursor


@pytest.fixture
def given(request: pytest.FixtureRequest, tmp_path: Path, needs: Needs) -> Iterator[Given]:
    kind: Kind = request.param
    with ExitStack() as stack:
        served = stack.enter_context(kind.serve(tmp_path / "archive", needs, CORPUS))
        yield Given(kind, served, tmp_path)


EVERY_KIND = pytest.mark.parametrize("given", KINDS, indirect=True, ids=lambda kind: kind.name)
EVERY_HOST = pytest.mark.parametrize("given", REMOTE, indirect=True, ids=lambda kind: kind.name)


def test_every_kind_of_the_table_keeps_the_contract() -> None:
    """Whoever adds one adds it here; and what a project's file may name, there is."""
    assert {kind.name.split()[0] for kind in KINDS} == set(LISTS) == set(kinds.LISTS)


@EVERY_KIND
class TestEveryKind:
    """Whatever the archive, the releases are the same."""

    def test_a_probe_is_good_costs_little_and_keeps_nothing(self, given: Given) -> None:
        """By the beginning of the very look: a few questions, and the state folder is as it was."""
        archive, host = given.open(), given.served.pages
        assert archive.probe() == Good((), "")
        assert [file for file in (given.folder / "state").rglob("*") if file.is_file()] == []
        assert host is None or len(host.asked) <= 8

    def test_the_same_releases_are_recognised(self, given: Given) -> None:
        """Versions, senders, subjects, dates, as far as this kind carries them; delivered is null without Received."""
        found, _ = recognised(given, given.open())
        assert set(found) == set(ANNOUNCED)
        assert found == given.expected(*CORPUS)
        assert all((each.delivered is not None) == given.kind.received for each in found.values())

    def test_the_next_look_brings_only_news(self, given: Given) -> None:
        """Nothing when nothing came; then the one mail that did."""
        archive = given.open()
        _, cursor = recognised(given, archive)
        assert archive.good(cursor).evidence == ()
        given.served.add(NEWS)
        found, cursor = recognised(given, archive, cursor)
        assert found == given.expected(NEWS)
        assert archive.good(cursor).evidence == ()

    def test_a_mail_keeps_its_key(self, given: Given) -> None:
        """Read again from the start, everything has the name that it had; no two share one."""
        first, again = given.open().good(), given.open().good()
        keys = [each.key for each in first.evidence]  # type: ignore[union-attr]
        assert [each.key for each in again.evidence] == keys  # type: ignore[union-attr]
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_archive_without_mail_is_good_until_there_was_some(kind: Kind, tmp_path: Path, needs: Needs) -> None:
    """A new list is no fault, by a look and by a probe; its first mail is found."""
    with kind.serve(tmp_path / "archive", needs, ()) as served:
        archive = open_archive(tmp_path / "state", served.kind, served.url, RULES)
        assert archive.probe() == Good((), "")
        first = archive.good()
        assert first.evidence == ()
        served.add(NEWS)
        assert set(archive.recognised(archive.good(first.cursor))) == {NEWS.id}


@EVERY_HOST
class TestEveryHost:
    """Hosts fail, and are not what they were."""

    def test_who_is_not_there_is_told_apart_from_who_does_not_let_us_in(self, given: Given) -> None:
        """By a first look, a later one and a probe: nobody listens, everybody is cut off, the name leads nowhere."""
        _, cursor = recognised(given, given.open())
        with nobody_at_home() as refusing, hanging_up() as cut:
            places = [(refusing, Outcome.REFUSED), (cut, Outcome.NO_ANSWER), ("http://no.invalid", Outcome.NO_ANSWER)]
            for url, expected in places:
                archive = open_archive(given.folder, given.served.kind, f"{url}/demo", RULES)
                answers = [archive.look(), archive.look(cursor), archive.probe()]
                assert [outcome_of(answer) for answer in answers] == [expected] * 3, answers

    def test_whatever_a_host_sends_is_a_reason(self, given: Given) -> None:
        """No exception, and nothing that is taken for mail or for none."""
        for name, page in HOSTILE.items():
            with serve_answer(*page) as host:
                archive = open_archive(given.folder, given.served.kind, f"{host.url}/demo", RULES)
                for answer in (archive.look(), archive.probe()):
                    assert isinstance(answer, Failed), (name, answer)
                    assert host.url in answer.reason
                    assert answer.reason.isprintable()

    def test_a_host_that_dies_half_way_loses_and_doubles_nothing(self, given: Given) -> None:
        """However many requests it answered before: the look failed, and the next one brings all."""
        archive, host = given.open(), given.served.pages
        assert host is not None
        _, cursor = recognised(given, archive)
        whole, usual = len(host.asked), host.broken
        given.served.add(NEWS)
        for answered in range(min(whole, 4)):
            begin = len(host.asked)

            def cut(method: str, path: str, limit: int = begin + answered) -> tuple[int, str, bytes] | None:
                if len(host.asked) > limit:
                    raise ConnectionError
                return usual(method, path)

            host.broken = cut
            outcome = archive.look(cursor)
            if len(host.asked) > begin + answered:
                assert isinstance(outcome, Failed), outcome
                assert outcome.outcome is Outcome.NO_ANSWER
        host.broken = usual
        found, _ = recognised(given, archive, cursor)
        assert set(found) == {NEWS.id}
        everything, _ = recognised(given, archive)
        assert set(everything) == {*ANNOUNCED, NEWS.id}

    def test_garbage_is_a_reason_and_never_no_releases(self, given: Given) -> None:
        """A first look, a later one and a probe: the right word, and why; the host is named, and its pause kept."""
        _, cursor = recognised(given, given.open())
        for name, (page, expected) in GARBAGE.items():
            with serve_answer(*page) as host:
                archive = open_archive(given.folder, given.served.kind, f"{host.url}/demo", RULES)
                for answer in (archive.look(), archive.look(cursor), archive.probe()):
                    assert isinstance(answer, Failed), (name, answer)
                    assert (answer.outcome, host.url in answer.reason) == (expected, True), name
                    assert (answer.pause is not None) == ("Retry-After" in page[1])

    def test_a_mail_has_a_link_where_it_can_be_read(self, given: Given) -> None:
        """The page of an archive of pages itself; of public-inbox the project's file knows how a link is made."""
        archive, host = given.open(), given.served.pages
        assert host is not None
        links = {each.url for each in archive.recognised(archive.good()).values()}
        if given.served.kind.startswith("public-inbox"):
            assert links == {None}  # these rules are made by hand, without the link that the file's address gives
            return
        assert len(links) == len(ANNOUNCED)
        for link in links:
            assert link is not None
            assert b"demo v" in Web(PROGRAM).get(link).content

    def test_a_mail_page_that_is_none_fails_the_look(self, given: Given) -> None:
        """The index still came from a cache; the wall is behind it."""
        archive, host = given.open(), given.served.pages
        assert host is not None
        _, cursor = recognised(given, archive)
        usual = host.broken
        given.served.add(NEWS)

        def wall(method: str, path: str) -> tuple[int, str, bytes] | None:
            return usual(method, path) or (UNKNOWN_WALL if _is_mail(path) else None)

        host.broken = wall
        if any(_is_mail(each.split()[1]) for each in host.asked):
            assert outcome_of(archive.look(cursor)) is Outcome.MISREAD
        host.broken = usual
        assert set(recognised(given, archive, cursor)[0]) == {NEWS.id}

    def test_we_say_who_we_are(self, given: Given) -> None:
        """One name, with a contact, and never that of a browser."""
        host = given.served.pages
        assert host is not None
        given.open().good()
        [agent] = host.agents
        assert agent.startswith("rctrack/")
        assert "Mozilla" not in agent


def _is_mail(path: str) -> bool:
    return (
        ("/raw" in path and "/_/" not in path)
        or "/thread/" in path
        or path.rpartition("/")[2].removeprefix("msg")[:4].isdigit()
    )


@pytest.mark.parametrize("given", [kind for kind in KINDS if not kind.is_remote], indirect=True, ids=lambda k: k.name)
class TestEveryLocalKind:
    """Files go away, and are not what they were."""

    def test_what_is_away_is_a_reason(self, given: Given) -> None:
        """The disk is not mounted; then it is, and nothing was lost."""
        archive = given.open()
        _, cursor = recognised(given, archive)
        with hidden(Path(given.served.url)):
            for answer in (archive.look(cursor), archive.look(), archive.probe()):
                assert outcome_of(answer) is Outcome.MISREAD
        given.served.add(NEWS)
        assert set(recognised(given, archive, cursor)[0]) == {NEWS.id}

    def test_garbage_is_a_reason_and_never_no_releases(self, given: Given, tmp_path: Path) -> None:
        """A folder of something else, a file of something else."""
        (tmp_path / "folder" / "something").mkdir(parents=True)
        (tmp_path / "file").write_bytes(bytes(range(256)) * 40)
        for place in ("folder", "file"):
            archive = open_archive(tmp_path / "state", given.served.kind, tmp_path / place, RULES)
            for answer in (archive.look(), archive.probe()):
                assert isinstance(answer, Failed), answer
                assert answer.outcome is Outcome.MISREAD
                assert str(tmp_path / place) in answer.reason


SEARCHED = [kind for kind in KINDS if kind.name.startswith("public-inbox-http")]


@pytest.mark.parametrize("given", SEARCHED, indirect=True, ids=lambda kind: kind.name)
def test_either_of_two_subjects_is_searched_for(given: Given) -> None:
    """What a project's file lists as two expressions, each with words of its own."""
    subject = rf"(?:{SUBJECT})|(?:^\[PATCH\] demo: mend (?P<version2>\d\S*) review$)"
    found = open_archive(given.folder / "state", given.served.kind, given.served.url, replace(RULES, subject=subject))
    assert set(found.recognised(found.good())) == set(ANNOUNCED)


TELL_OF_MAILS = [kind for kind in KINDS if kind.name.split()[0] in ("pipermail", "hypermail")]


@pytest.mark.parametrize("given", TELL_OF_MAILS, indirect=True, ids=lambda kind: kind.name)
def test_an_index_tells_when_the_newest_mail_came(given: Given) -> None:
    """Also of one that announces nothing; a Date after the index was made is a wrong clock, and says no more."""
    archive = given.open()
    first = archive.good()
    assert first.coverage == Coverage(None, CORPUS[-1].at)
    chatter, wrong = replace(CORPUS[1], at=NEWS.at), replace(CORPUS[2], at=NEWS.at + 400 * HOUR)
    given.served.add(chatter)
    second = archive.good(first.cursor)
    assert (second.evidence, second.coverage) == ((), Coverage(None, chatter.at))
    given.served.add(wrong)
    newest_at = archive.good(second.cursor).coverage.newest_at
    assert newest_at == (datetime(2026, 3, 31, tzinfo=UTC) if given.served.kind == "pipermail" else wrong.at)


@EVERY_HOST
def test_months_gone_by_are_not_read_again(given: Given) -> None:
    """After the first look only what can have changed is asked for, and a page that has not is not sent."""
    host = given.served.pages
    assert host is not None
    archive = given.open()
    cursor = archive.good().cursor
    first = len(host.asked)
    archive.good(cursor, since=NEWS.at.astimezone(UTC).date())
    idle = len(host.asked) - first
    assert idle <= given.kind.idle < first or first <= 3 or given.kind.name == "public-inbox-http by Atom"


def test_a_mail_imported_today_is_found_though_it_was_delivered_months_ago(tmp_path: Path, needs: Needs) -> None:
    """The archive sorts it in behind everything that is known; once a day the search reaches back that far."""
    late = replace(NEWS, at=CORPUS[0].at + HOUR, delivered_after=timedelta(minutes=1))
    with searched(tmp_path / "archive", needs, CORPUS) as served:
        archive = open_archive(tmp_path, served.kind, served.url, RULES)
        cursor = archive.good().cursor
        served.add(late)
        short = archive.good(cursor, since=CORPUS[0].at.date())
        assert short.evidence == ()
        outcome = archive.good(short.cursor, since=CORPUS[0].at.date(), now=LOOKED_AT + DAY)
        assert set(archive.recognised(outcome)) == {late.id}
        assert archive.good(outcome.cursor, since=CORPUS[0].at.date(), now=LOOKED_AT + 2 * DAY).evidence == ()


def test_a_mail_that_a_feed_names_and_nobody_has_hides_no_other(tmp_path: Path, needs: Needs) -> None:
    """It is refused as far as it is known, and read once it is there."""
    missing, *others = ANNOUNCED
    with by_atom(tmp_path / "archive", needs, CORPUS) as served:
        archive, host = open_archive(tmp_path, served.kind, served.url, RULES), served.pages
        assert host is not None
        usual = host.broken
        host.broken = lambda method, path: (
            (404, "text/html", b"<p>Not Found") if missing.partition("@")[0] in path else usual(method, path)
        )
        first = archive.good()
        assert archive.recognised(first).keys() == set(others)
        assert len(first.evidence) == len(ANNOUNCED)
        long = (CORPUS[0].at.date(), LOOKED_AT + DAY)
        assert archive.good(first.cursor, *long).evidence == ()
        host.broken = usual
        assert archive.recognised(archive.good(first.cursor, *long)).keys() == {missing}


def test_httpd_killed_and_started_again_loses_and_doubles_nothing(tmp_path: Path, needs: Needs) -> None:
    """The real server, killed in the middle of an Atom search; a mail comes in while it is down."""
    programs = needs("public-inbox-httpd").parent
    with public_inbox(tmp_path / "archive", programs, []) as inbox:
        rendered.import_epoch(inbox.archive / "git" / "0.git", CORPUS)
        inbox.run("public-inbox-index", "-L", "full", str(inbox.archive))
        with in_front_of(inbox.url) as front:

            def kill(method: str, path: str) -> tuple[int, str, bytes] | None:
                if method == "POST":
                    return 405, "text/plain", b"no"
                if sum("/raw" in each for each in front.asked) == 2 and inbox.process:
                    inbox.stop()
                return None

            front.broken = kill
            archive = open_archive(tmp_path, "public-inbox-http", front.url, RULES)
            outcome = archive.look()
            assert isinstance(outcome, Failed), outcome
            assert isinstance(archive.look(), Failed)
            inbox.add(rendered.content(NEWS))
            inbox.start()
            front.broken = lambda method, path: None
            good = archive.good()
            assert set(archive.recognised(good)) == {*ANNOUNCED, NEWS.id}
            assert archive.good(good.cursor).evidence == ()


def test_a_late_mail_of_a_month_gone_by_is_found_though_the_newest_is_unchanged(tmp_path: Path) -> None:
    """An unchanged page ends the reading of that page, not of the archive."""

    def write(name: str, text: str) -> None:
        file = tmp_path / "demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (BEGIN.timestamp(), BEGIN.timestamp()))  # long ago, so that its date says that it is unchanged

    first, late = (f'<a href="00000{number}.html">[ANNOUNCE] demo v1.{number}</a>' for number in (1, 2))
    write("index.html", '<a href="2026-March/date.html">x</a><a href="2026-January/date.html">x</a>')
    for month in ("March", "January"):
        write(f"2026-{month}/date.html", first)
        write(f"2026-{month}/000001.html", first)
    with serve_folder(tmp_path) as host:
        archive = open_archive(tmp_path / "state", "pipermail", f"{host.url}/demo", RULES)
        cursor = archive.good().cursor
        write("2026-January/000002.html", late)
        write("2026-January/date.html", first + late)
        os.utime(tmp_path / "demo" / "2026-January" / "date.html")
        [mail] = archive.good(cursor, date(2026, 1, 1)).evidence
    assert host.not_modified == 1
    assert isinstance(mail, MailEvidence)
    assert mail.key == "2026-January/000002.html"
