"""The one HTTP client against real hosts on the loopback: polite, bounded, and never fooled by a challenge page."""

import gzip
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, create_server, socket

import pytest

from rctrack.core.look import Outcome
from rctrack.web import MOST_QUESTION, Page, Patience, Web, WebError, asked_pause, pause_until
from tests.support.following import follow
from tests.support.material import BEGIN, HOUR, MAINTAINER, MINUTE
from tests.support.servers import nobody_at_home

AGENT = "rctrack/test (+https://example.org)"
HASTE = Patience(connect=5, silence=0.3, whole=0.6)
"""Seconds: enough for the loopback, over soon for a host that does not answer."""
SOON = 15.0
"""Seconds on a busy machine for what would otherwise take minutes, or forever."""
PAGE = b"<html><title>Archive</title><a href='1.html'>one</a></html>"
ATOM = ("application/atom+xml",)
WALLS = {
    "Anubis": b'<!doctype html><html lang="en"><head><title>Making sure you&#39;re not a bot!</title></head></html>',
    "Anubis by its script": b'<html><script src="/.within.website/x/cmd/anubis/static/js/main.mjs"></script></html>',
    "Cloudflare": b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>",
    "Cloudflare by its script": b'<html><script src="/cdn-cgi/challenge-platform/h/b/orchestrate/x"></script></html>',
    "another": b"<html><head><TITLE>\n Checking your browser before accessing</TITLE></head></html>",
}


@dataclass(slots=True)
class Host:
    """A host that answers as it is told; it keeps what it was asked."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers, names in lower case."""
    at: list[float] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """Of the last request."""
        return self.asked[-1][2]


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def host_of(answer: Callable[[Host], Answer]) -> Iterator[Host]:
    """A host whose answers are made one by one."""
    host = Host()

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            said = {name.lower(): value for name, value in self.headers.items()}
            host.asked.append((self.command, self.path, said))
            host.at.append(time.monotonic())
            status, headers, body = answer(host)
            self.send_response_only(status)
            today = self.date_time_string()
            for name, value in {
                "Date": today,
                "Content-Type": "text/html",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the server looks for this name

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests look at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_host(say: Callable[[socket], None]) -> Iterator[str]:
    """A host below HTTP: `say` does with each connection what it likes, until the client goes away."""
    with closing(create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(SOON)
                        say(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with suppress(OSError):
            listening.shutdown(SHUT_RDWR)
        thread.join()


def refused(url: str, web: Web | None = None, **asked: object) -> WebError:
    """Why a page could not be had."""
    with pytest.raises(WebError) as caught:
        (web or Web(AGENT)).get(url, **asked)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


# --- Manners ---------------------------------------------------------------------------------------


def test_it_says_who_it_is_and_keeps_no_cookie() -> None:
    """The User-Agent as given and nothing else; what a host wants to be remembered is not."""
    web = Web(AGENT)
    with host_of(lambda _: (200, {"Set-Cookie": "pass=1"}, PAGE)) as host:
        for _ in range(2):
            web.get(host.url)
    for _, _, headers in host.asked:
        assert headers["user-agent"] == AGENT
        assert "cookie" not in headers
        assert headers["accept"].startswith("text/html")


def test_retry_after_in_seconds_is_obeyed() -> None:
    """The same question again, not before that."""
    with host_of(lambda host: (503, {"Retry-After": "1"}, b"") if len(host.asked) == 1 else (200, {}, PAGE)) as host:
        assert Web(AGENT).get(host.url).content == PAGE
    assert len(host.at) == 2
    assert host.at[1] - host.at[0] >= 1


def test_retry_after_as_a_date_is_obeyed() -> None:
    """Good to the second."""
    until = formatdate(time.clock_gettime(time.CLOCK_REALTIME) + 2, usegmt=True)
    with host_of(lambda host: (429, {"Retry-After": until}, b"") if len(host.asked) == 1 else (200, {}, PAGE)) as host:
        assert Web(AGENT).get(host.url).content == PAGE
    assert len(host.at) == 2
    assert host.at[1] - host.at[0] > 0.5


@pytest.mark.parametrize("after", ["3600", "86400", "Fri, 31 Dec 2199 23:59:59 GMT"])
def test_who_asks_for_more_patience_is_left_alone(after: str) -> None:
    """It is not asked again now, and it is a block."""
    with host_of(lambda _: (429, {"Retry-After": after}, b"later")) as host:
        error = refused(host.url)
    assert len(host.asked) == 1
    assert error.outcome is Outcome.BLOCKED


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ("7200", 2), (" 7200 ", 2), ("Sun, 01 Mar 2026 15:00:00 GMT", 3), ("Sunday, 01-Mar-26 15:00:00 GMT", 3),
        ("Sun Mar  1 15:00:00 2026", 3), ("604800", 168), ("604801", 1), ("99999999999999999999", 1), ("0", 1),
        ("-5", 1), ("soon", 1), ("", 1), ("1.5", 1), ("120, 120", 1),
        ("\u0663", 1), ("Sun, 01 Mar 2026 11:59:59 GMT", 1),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1), ("Fri, 31 Dec 9999 23:59:59 GMT", 1),
        ("Sun, 99 Foo 2026 99:99:99 GMT", 1),
    ],
)  # fmt: skip
def test_whatever_a_host_writes_for_a_pause_is_one(said: str, hours: int) -> None:
    """Seconds, or a date by the host's own clock; what cannot be read or obeyed is an hour."""
    assert asked_pause(said, format_datetime(BEGIN, usegmt=True)) == hours * HOUR


def test_without_its_own_clock_a_hosts_date_is_an_hour() -> None:
    """Ours may be wrong."""
    assert asked_pause("Sun, 01 Mar 2026 15:00:00 GMT", "") == HOUR
    assert asked_pause("7200", "") == 2 * HOUR
    assert asked_pause(None, "") is None


def test_who_is_asked_too_often_and_does_not_say_until_when_is_not_asked_again() -> None:
    """Twice more within two seconds is what it complains of."""
    with host_of(lambda _: (429, {}, b"")) as host:
        error = refused(host.url)
    assert (len(host.asked), error.outcome, error.pause) == (1, Outcome.BLOCKED, None)


def test_one_question_is_one_request_and_its_answer_as_far_as_it_goes() -> None:
    """Nothing is followed, waited for or repeated, and a long page is cut and not refused."""
    web, kinds = Web(AGENT), ("text/html",)
    with host_of(lambda _: (503, {"Retry-After": "1"}, b"")) as host, pytest.raises(WebError) as busy:
        web.ask(host.url, kinds, {})
    assert (len(host.asked), busy.value.outcome, busy.value.pause) == (1, Outcome.ERROR, timedelta(seconds=1))
    with host_of(lambda _: (308, {"Location": "/new"}, b"")) as host, pytest.raises(WebError) as moved:
        web.ask(f"{host.url}/old", kinds, {})
    assert (len(host.asked), moved.value.outcome) == (1, Outcome.MOVED)
    assert moved.value.page is not None
    assert moved.value.page.location == f"{host.url}/new"
    with host_of(lambda _: (200, {}, PAGE * 1000)) as host:
        page = web.ask(host.url, kinds, {"Git-Protocol": "version=2"})
    assert page.content == (PAGE * 1000)[: len(page.content)]
    assert len(page.content) == MOST_QUESTION
    assert host.headers["git-protocol"] == "version=2"
    with host_of(lambda _: (200, {}, WALLS["Anubis"])) as host, pytest.raises(WebError) as wall:
        web.ask(host.url, kinds, {})
    assert wall.value.outcome is Outcome.BLOCKED


def test_a_host_in_trouble_is_asked_again_a_few_times() -> None:
    """Not without end; then it is an error, which is no block."""
    with host_of(lambda _: (503, {}, b"")) as host:
        error = refused(host.url)
    assert len(host.asked) == 3
    assert error.outcome is Outcome.ERROR
    assert "503" in str(error)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, "misread"), (401, "misread"), (403, "blocked"), (404, "misread"), (410, "moved"), (451, "misread")],
)
def test_who_says_no_is_not_asked_again(status: int, outcome: str) -> None:
    """403 is a block; 404 is only a page that is not there, whatever is written on it."""
    with host_of(lambda _: (status, {}, WALLS["Cloudflare"] if status == 404 else b"<html>no</html>")) as host:
        error = refused(host.url)
    assert len(host.asked) == 1
    assert error.outcome == outcome
    assert error.page is not None
    assert error.page.status == status


def test_one_connection_per_host_at_a_time() -> None:
    """Whoever asks meanwhile waits; another host is asked at the same time."""
    here, most, both = [0], [0], threading.Barrier(2)

    def one_by_one(_: Host) -> Answer:
        here[0] += 1
        most[0] = max(most[0], here[0])
        threading.Event().wait(0.05)  # long enough for another to come in, if it were let
        here[0] -= 1
        return 200, {}, PAGE

    def together(_: Host) -> Answer:
        both.wait(SOON)
        return 200, {}, PAGE

    web = Web(AGENT)
    with host_of(one_by_one) as host:
        _at_once(*(lambda: web.get(host.url) for _ in range(5)))
    assert most == [1]
    with host_of(together) as first, host_of(together) as second:
        other = second.url.replace("127.0.0.1", "localhost")
        _at_once(lambda: web.get(first.url), lambda: web.get(other))
    assert len(first.asked) == len(second.asked) == 1


def _at_once(*asked: Callable[[], Page]) -> None:
    threads = [threading.Thread(target=each) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- Conditional requests --------------------------------------------------------------------------


def test_an_unchanged_page_is_asked_for_by_its_etag() -> None:
    """The validator of one answer makes the next one empty."""

    def answer(host: Host) -> Answer:
        return (304, {}, b"") if host.headers.get("if-none-match") == '"a"' else (200, {"ETag": '"a"'}, PAGE)

    web = Web(AGENT)
    with host_of(answer) as host:
        first = web.get(host.url)
        again = web.get(host.url, validator=first.validator)
    assert (first.is_unchanged, again.is_unchanged, again.content) == (False, True, b"")
    assert "if-modified-since" not in host.headers


@pytest.mark.parametrize(("seconds", "is_validator"), [(86400, True), (1, True), (0, False)])
def test_a_date_is_a_validator_only_where_the_page_can_not_change_under_it(seconds: int, is_validator: bool) -> None:
    """A page that was changed in the very second of the answer may change again within it."""
    modified = format_datetime(BEGIN - timedelta(seconds=seconds), usegmt=True)
    headers = {"Last-Modified": modified, "Date": format_datetime(BEGIN, usegmt=True)}
    web = Web(AGENT)
    with host_of(lambda _: (200, headers, PAGE)) as host:
        web.get(host.url, validator=web.get(host.url).validator)
    assert host.headers.get("if-modified-since") == (modified if is_validator else None)


# --- Redirects -------------------------------------------------------------------------------------


def test_a_redirect_to_another_host_is_followed() -> None:
    """The page says where it is; neither host is asked for more."""
    with (
        host_of(lambda _: (200, {}, PAGE)) as there,
        host_of(lambda _: (301, {"Location": f"{there.url.replace('127.0.0.1', 'localhost')}/new/"}, b"")) as here,
    ):
        page = Web(AGENT).get(f"{here.url}/old/")
    assert page.content == PAGE
    assert page.url.endswith("/new/")
    assert [(method, path) for method, path, _ in there.asked] == [("GET", "/new/")]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[x/", "javascript:alert(1)"])
def test_a_redirect_out_of_the_web_is_refused(place: str) -> None:
    """No file of this machine is ever read."""
    with host_of(lambda _: (302, {"Location": place}, b"")) as host:
        error = refused(host.url)
    assert error.page is None or b"root:" not in error.page.content
    assert len(host.asked) == 1


def test_redirects_without_end_are_refused() -> None:
    """After a few."""
    with host_of(lambda host: (302, {"Location": f"/{len(host.asked)}"}, b"")) as host:
        error = refused(host.url)
    assert "redirects" in str(error)
    assert len(host.asked) <= 6


def test_a_search_by_post_goes_on_as_its_redirect_says() -> None:
    """307 and 308 repeat the POST, the others ask with GET, as browsers do."""
    for status, method in ((307, "POST"), (308, "POST"), (302, "GET"), (303, "GET")):
        with host_of(
            lambda host, status=status: (200, {}, PAGE) if len(host.asked) > 1 else (status, {"Location": "/b"}, b"")  # type: ignore[misc]
        ) as host:
            Web(AGENT).post(host.url, ("text/html",), most=1000)
        assert [each[0] for each in host.asked] == ["POST", method]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://[x/", "http:///nowhere", "nonsense", "ftp://a/b"])
def test_an_address_that_is_none_is_a_reason(url: str) -> None:
    """Not an exception of a library."""
    assert "is no address of a page" in str(refused(url))


# --- Sizes and times -------------------------------------------------------------------------------


def test_a_page_is_read_as_far_as_its_bound() -> None:
    """The bound itself still fits."""
    with host_of(lambda _: (200, {}, b"x" * 5000)) as host:
        assert len(Web(AGENT).get(host.url, most=5000).content) == 5000
        assert "more than 4999 bytes" in str(refused(host.url, most=4999))


def test_what_unpacks_to_a_thousand_times_its_size_is_refused() -> None:
    """100 MB in 400 kB are not unpacked any further than the bound."""
    bomb = gzip.compress(b"\0" * (100 * 2**20), 1)
    with host_of(lambda _: (200, {"Content-Encoding": "gzip"}, bomb)) as host:
        tracemalloc.start()
        assert "more than" in str(refused(host.url, most=2**20))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 10 * 2**20


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "compress"])
def test_what_is_packed_otherwise_is_refused(coding: str) -> None:
    """Only gzip was offered; what is packed twice may be a million times its size."""
    with host_of(lambda _: (200, {"Content-Encoding": coding}, b"x")) as host:
        assert "was not asked for" in str(refused(host.url))


@pytest.mark.parametrize(
    "body",
    [b"nonsense", gzip.compress(PAGE * 100)[:-20], gzip.compress(PAGE)[:-1], gzip.compress(b"") * 100],
    ids=["nonsense", "torn", "without its last byte", "a hundred members"],
)
def test_what_is_no_whole_gzip_is_refused(body: bytes) -> None:
    """Half a page is not taken for a page."""
    with host_of(lambda _: (200, {"Content-Encoding": "gzip"}, body)) as host:
        assert "gzip" in str(refused(host.url))


def test_a_packed_page_is_read() -> None:
    """In one member or in two."""
    packed = gzip.compress(PAGE) + gzip.compress(PAGE)
    with host_of(lambda _: (200, {"Content-Encoding": "gzip"}, packed)) as host:
        assert Web(AGENT).get(host.url).content == PAGE * 2


def _drip(connection: socket, first: bytes, piece: bytes) -> None:
    """A piece now and then, for as long as the client listens."""
    connection.sendall(first)
    connection.settimeout(0.05)
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        connection.sendall(piece)
        with suppress(TimeoutError):
            if connection.recv(4096) == b"":
                return


def _stop(connection: socket, first: bytes) -> None:
    """This much, then nothing more until the client goes away."""
    connection.sendall(first)
    while connection.recv(4096):
        continue


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
SLOW: dict[str, Callable[[socket], None]] = {
    "says nothing": lambda connection: _stop(connection, b""),
    "stops in its headers": lambda connection: _stop(connection, HEAD),
    "stops in the page": lambda connection: _stop(connection, HEAD + b"Content-Length: 99\r\n\r\nabc"),
    "drips its first line": lambda connection: _drip(connection, b"HTTP/1.1 200 O", b"K"),
    "drips its headers": lambda connection: _drip(connection, HEAD, b"X-A: b\r\n"),
    "drips one header": lambda connection: _drip(connection, HEAD + b"X-A: ", b"b"),
    "drips the page": lambda connection: _drip(connection, HEAD + b"Content-Length: 999999\r\n\r\n", b"b"),
    "drips a page without length": lambda connection: _drip(connection, HEAD + b"\r\n", b"b"),
    "drips the size of a chunk": lambda connection: _drip(
        connection, HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x=", b"b"
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_host_that_is_too_slow_is_cut_off(name: str) -> None:
    """At whatever stage; nothing of a page that has not ended is taken for the page."""
    with raw_host(SLOW[name]) as url:
        begin = time.monotonic()
        error = refused(url, Web(AGENT, HASTE))
        assert time.monotonic() - begin < SOON / 3
    assert error.outcome is Outcome.NO_ANSWER
    assert error.page is None


def test_an_answer_that_breaks_off_is_not_taken_for_the_page() -> None:
    """99 bytes were promised."""

    def say(connection: socket) -> None:
        connection.recv(4096)
        connection.sendall(HEAD + b"Content-Length: 99\r\n\r\nabc")

    with raw_host(say) as url:
        assert refused(url).page is None


@pytest.mark.parametrize("said", [b"\0\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b""])
def test_a_host_that_speaks_something_else_is_a_reason(said: bytes) -> None:
    """Not an exception of a library."""

    def say(connection: socket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    with raw_host(say) as url:
        assert str(refused(url)).startswith(url)


def test_a_machine_that_refuses_and_a_name_that_leads_nowhere_are_told_apart() -> None:
    """The machine was reached; the name may be our own network's fault."""
    with nobody_at_home() as url:
        assert refused(url).outcome is Outcome.REFUSED
    assert refused("http://nobody.invalid/").outcome is Outcome.NO_ANSWER


def test_a_proxy_that_refuses_says_nothing_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on our side of the network."""
    with nobody_at_home() as url:
        monkeypatch.setenv("http_proxy", url)
        assert refused("http://git.example/").outcome is Outcome.NO_ANSWER


# --- What is not what was asked for ----------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 403, 503])
@pytest.mark.parametrize("name", WALLS)
def test_a_challenge_page_is_a_block(name: str, status: int) -> None:
    """With whatever status it comes, also where a page of HTML was asked for."""
    with host_of(lambda _: (status, {}, WALLS[name])) as host:
        error = refused(host.url)
    assert error.outcome is Outcome.BLOCKED


def test_a_challenge_that_only_a_header_tells_is_a_block() -> None:
    """As Cloudflare marks its own."""
    with host_of(lambda _: (200, {"cf-mitigated": "challenge"}, PAGE)) as host:
        assert refused(host.url).outcome is Outcome.BLOCKED


def test_html_where_a_feed_was_asked_for_is_misread() -> None:
    """Though the host says 200; even where it calls its page a feed."""
    for kind in ("text/html", "application/xhtml+xml", "text/plain"):
        with host_of(lambda _, kind=kind: (200, {"Content-Type": kind}, PAGE)) as host:  # type: ignore[misc]
            assert refused(host.url, wanted=ATOM).outcome is Outcome.MISREAD


def test_a_mail_about_challenges_is_no_challenge() -> None:
    """The words of a wall in a page, or in a title that only speaks of it; a script that goes with every page."""
    told = b"<html><title>[PATCH] say Just a moment</title>Making sure you're not a bot, just a moment...</html>"
    told += b'<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
    with host_of(lambda _: (200, {}, told)) as host:
        assert Web(AGENT).get(host.url).content == told


# --- Pauses ----------------------------------------------------------------------------------------


def test_a_pause_doubles_from_one_hour_to_a_day() -> None:
    """And no further."""
    hours = [(pause_until(BEGIN, number) - BEGIN) / HOUR for number in (1, 2, 3, 4, 5, 6, 7, 1000)]
    assert hours == [1, 2, 4, 8, 16, 24, 24, 24]


def test_a_host_that_asks_for_more_is_left_alone_for_longer() -> None:
    """And one that only asks, without having blocked us, for just that."""
    assert pause_until(BEGIN, 1, 5 * HOUR) - BEGIN == 5 * HOUR
    assert pause_until(BEGIN, 4, 5 * HOUR) - BEGIN == 8 * HOUR
    assert pause_until(BEGIN, 0, 2 * HOUR) - BEGIN == 2 * HOUR


def test_a_host_that_blocked_us_is_left_alone_and_each_time_longer(tmp_path: Path) -> None:
    """Through rounds of polling: nothing is asked before the pause is over; a good look ends all that."""
    wall, index = WALLS["Anubis"], b"<a href='2026-March/date.html'>x</a>"
    open_again = threading.Event()

    def answer(host: Host) -> Answer:
        if not open_again.is_set():
            return 200, {}, wall
        return 200, {}, b"<a href='000001.html'>x</a>" if "2026" in host.asked[-1][1] else index

    with host_of(answer) as host:
        block = (
            f'[[lists]]\nkind = "pipermail"\nurl = "{host.url}"\nfrom = ["{MAINTAINER}"]\nsubject = \'(?P<version>x)\''
        )
        demo = follow(tmp_path, settings=block)
        now, asked_at = BEGIN, []
        for _ in range(18 * 4):
            before = len(host.asked)
            [outcome] = demo.poll(now).outcomes
            assert outcome is Outcome.BLOCKED
            asked_at += [(now - BEGIN) / HOUR] * (len(host.asked) - before)
            now += 15 * MINUTE
        assert asked_at == [0, 1, 3, 7, 15]
        open_again.set()
        now = BEGIN + timedelta(hours=31)
        assert demo.poll(now).outcomes == ["good"]
        assert demo.poll(now + 15 * MINUTE).outcomes == ["good"]
        open_again.clear()
        now += HOUR
        assert demo.poll(now).outcomes == ["blocked"]
        open_again.set()
        assert demo.poll(now + 30 * MINUTE).outcomes == ["blocked"]
        assert demo.poll(now + HOUR).outcomes == ["good"]
