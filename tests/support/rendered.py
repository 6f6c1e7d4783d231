"""A small corpus of mails, and the same as each kind of archive keeps or shows it.

Pipermail, hypermail and HyperKitty are not installed anywhere near a test: tests/data/archives has pages in the shape
that their own templates give them, with page furniture, to be filled in here. MHonArc and public-inbox are real.
"""

import base64
import email
import gzip
import hashlib
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.charset import QP, Charset
from email.header import Header
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, parseaddr
from html import escape
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from rctrack.core.rules import ListRules
from tests.support.material import Mail, git_environment

_QUOTED = Charset("utf-8")
_QUOTED.header_encoding = _QUOTED.body_encoding = QP
TEMPLATES = Path(__file__).parent.parent / "data" / "archives"
SUBJECT = r"^\[ANNOUNCE\] demo v(?P<version>\S+)"
SENDER = "Kim Müller <kim@example.org>"
RULES = ListRules(frozenset({"kim@example.org"}), SUBJECT, ("lists.example.org",), None)
_WEST, _EAST = timezone(timedelta(hours=-8)), timezone(timedelta(hours=2))
_LOG = "Since the last candidate:\n\nAda & Bob (2):\n      fix <stdio.h>\n      a > b\n\nFrom here on all is quiet\n"


@dataclass(frozen=True, slots=True)
class Language:
    """What Mailman 2 writes in the language of a list."""

    at: str
    """Instead of the sign, between blanks."""
    months: str
    short_months: str
    days: str
    """From Monday on."""

    def period(self, at: datetime) -> str:
        return f"{at.year}-{self.months.split()[at.month - 1]}"

    def fields(self, mail: Mail) -> dict[str, object]:
        """What a page shows otherwise than in English."""
        at = mail.at.astimezone(UTC) + timedelta(hours=1)
        day, month = self.days.split()[at.weekday()], self.short_months.split()[at.month - 1]
        return {"at": self.at, "cet": f"{day} {month} {at.day:2} {at:%H:%M:%S} CET {at.year}"}


_ENGLISH_MONTHS = "January February March April May June July August September October November December"
_FRENCH_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
ENGLISH = Language(
    "at", _ENGLISH_MONTHS, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "Mon Tue Wed Thu Fri Sat Sun"
)
FRENCH = Language(
    "à", _FRENCH_MONTHS, "Jan Fév Mar Avr Mai Juin Juil Aoû Sep Oct Nov Déc", "Lun Mar Mer Jeu Ven Sam Dim"
)


def _mail(subject: str, at: datetime, sender: str = SENDER, body: str = _LOG) -> Mail:
    return Mail(subject, sender, at, timedelta(minutes=7), body=body)


CORPUS = (
    _mail("[ANNOUNCE] demo v1.1-rc1", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
    _mail("Re: [ANNOUNCE] demo v1.1-rc1", datetime(2026, 1, 6, 9, 30, tzinfo=UTC), "Sam <sam@example.org>"),
    _mail("[PATCH] demo: mend what is broken", datetime(2026, 1, 7, 9, 30, tzinfo=UTC), "Sam <sam@example.org>"),
    _mail('[ANNOUNCE] demo v1.1-rc2 aka "Salt & <Pepper>"', datetime(2026, 2, 9, 23, 45, tzinfo=_WEST)),
    _mail("[ANNOUNCE] demo v6.6", datetime(2026, 2, 10, 9, 30, tzinfo=UTC), "Mallory <mallory@example.net>"),
    _mail("[ANNOUNCE] demo v1.1, v1.0.1 and v0.9.7", datetime(2026, 3, 2, 0, 10, tzinfo=_EAST)),
    _mail("[ANNOUNCE] demo v1.2-rc1, Frühling", datetime(2026, 3, 20, 18, 0, tzinfo=UTC)),
)
ANNOUNCED = {mail.id: mail for mail in CORPUS if mail.subject.startswith("[ANN") and "kim" in mail.sender}
NEWS = _mail("[ANNOUNCE] demo v1.2-rc2", datetime(2026, 3, 27, 12, 0, tzinfo=UTC))


def content(mail: Mail) -> bytes:
    """The mail as it went over the wire, in quoted-printable where it must be."""
    made = EmailMessage(policy=policy.default.clone(cte_type="7bit"))
    raw = email.message_from_bytes(mail.content())
    for name, value in raw.items():
        if name != "Received":
            made[name] = value if name != "Subject" else mail.subject
    made.replace_header("From", mail.sender)
    made.set_content(mail.body, charset="utf-8")
    hops = "".join(f"Received: {value}\n" for value in raw.get_all("Received", []))
    return hops.encode() + made.as_bytes()


def write_mbox(path: Path, mails: Iterable[Mail]) -> None:
    """One mbox file (mboxrd), as a delivery agent goes on with it."""
    with path.open("ab") as file:
        for mail in mails:
            lines = content(mail).split(b"\n")
            escaped = b"\n".join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in lines)
            file.write(b"From kim@example.org Mon Mar  2 10:00:00 2026\n" + escaped + b"\n")


def write_maildir(folder: Path, mails: Iterable[Mail]) -> None:
    """One Maildir; some mails were read already."""
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, mail in enumerate(mails):
        name = f"{int(mail.at.timestamp())}.M1P{number}.host"
        (folder / ("cur" if number % 2 else "new") / (f"{name}:2,S" if number % 2 else name)).write_bytes(content(mail))


def import_epoch(path: Path, mails: Iterable[Mail]) -> None:
    """A public-inbox epoch with these mails, as `public-inbox` commits them: by the top Received date."""
    parts = []
    for number, mail in enumerate(mails):
        title, body = mail.subject.encode(), content(mail)
        author, at = mail.sender.encode(), int(mail.at.timestamp())
        head = b"from refs/heads/master^0\n" if number == 0 and _has_head(path) else b""
        parts.append(
            b"commit refs/heads/master\nauthor %s %d +0000\n" % (author, at)
            + b"committer %s %d +0000\ndata %d\n%s\n" % (author, int(mail.delivered_at.timestamp()), len(title), title)
            + head
            + b"deleteall\nM 644 inline m\ndata %d\n%s\n" % (len(body), body)
        )
    argv = ["git", f"--git-dir={path}", "fast-import", "--quiet", "--force"]
    subprocess.run(argv, input=b"".join(parts), env=git_environment(), check=True)


def _has_head(path: Path) -> bool:
    argv = ["git", f"--git-dir={path}", "rev-parse", "--verify", "--quiet", "refs/heads/master"]
    return subprocess.run(argv, env=git_environment(), capture_output=True, check=False).returncode == 0


def render_mhonarc(program: Path, folder: Path, mails: Sequence[Mail], *options: str) -> None:
    """What Debian's mhonarc makes of the mails; called again it adds those that are new."""
    spool = folder.parent / f"{folder.name}.mh"
    spool.mkdir(parents=True, exist_ok=True)
    for number, mail in enumerate(mails, 1):
        (spool / str(number)).write_bytes(content(mail))
    argv = [str(program), "-quiet", "-add", *options, "-outdir", str(folder), str(spool)]
    folder.mkdir(exist_ok=True)
    subprocess.run(argv, check=True, capture_output=True)


def render_pipermail(folder: Path, mails: Sequence[Mail], language: Language = ENGLISH) -> None:
    """Months named 2026-March, newest first, each with its mailbox, in which addresses are hidden too."""
    render_pages_of_pipermail(folder, mails, language)
    for name, inside in _months(mails, language.period).items():
        text = b"".join(_in_mailbox(mail, language) for _, mail in inside)
        (folder / f"{name}.txt.gz").write_bytes(gzip.compress(text, mtime=0))
        (folder / f"{name}.txt").write_bytes(text)


def render_pages_of_pipermail(folder: Path, mails: Sequence[Mail], language: Language = ENGLISH) -> None:
    """The same without the mailboxes, as some hosts have it."""
    _render("pipermail", folder, mails, language.period, "date.html", language)


def _in_mailbox(mail: Mail, language: Language) -> bytes:
    """A mail as pipermail writes it for downloading: a few headers as they were, and the body."""
    name, address = parseaddr(mail.sender)
    hidden = address.replace("@", f" {language.at} ")
    encoded = Header(mail.subject, "utf-8").encode() if not mail.subject.isascii() else mail.subject
    head = (
        f"From {hidden}  {mail.at.astimezone(UTC):%a %b %e %H:%M:%S %Y}\nFrom: {hidden} ({name})\n"
        f"Date: {format_datetime(mail.at)}\nSubject: {encoded}\nMessage-ID: <{mail.id}>\n\n"
    )
    return (head + mail.body.replace("\nFrom ", "\n>From ") + "\n").encode()


def render_hypermail(folder: Path, mails: Sequence[Mail]) -> None:
    """Half months named 2603.1, as at Indiana."""
    _render("hypermail", folder, mails, lambda at: f"{at:%y%m}.{1 + at.day // 16}", "index.html")


def render_hyperkitty(folder: Path, mails: Sequence[Mail], per_page: int = 2) -> None:
    """Months at /2026/3/, threads newest first, a few per page."""
    months = _months(mails, lambda at: f"{at.year}/{at.month}")
    shown = "".join(_fill("hyperkitty", "root-month", _of_month(name)) for name in months)
    _write(folder / "index.html", _fill("hyperkitty", "root", {"months": shown}))
    for name, inside in months.items():
        newest_first = [each for _, each in inside[::-1] if not each.subject.startswith("Re:")]
        pages = [newest_first[i : i + per_page] for i in range(0, len(newest_first), per_page)] or [[]]
        for number, page in enumerate(pages, 1):
            entries = "".join(_fill("hyperkitty", "month-mail", _fields(0, mail)) for mail in page)
            following = (
                f'<li><a class="page-link" href="?page={number + 1}">Next</a></li>' if number < len(pages) else ""
            )
            file = f"index.html?page={number}" if number > 1 else "index.html"
            filled = {"months": shown, "mails": entries, "following": following, **_of_month(name)}
            _write(folder / name / file, _fill("hyperkitty", "month", filled))
        for mail in newest_first:
            fields = _fields(0, mail)
            for place in ("thread", "message"):
                _write(folder / place / str(fields["hash"]) / "index.html", _fill("hyperkitty", "mail", fields))


def export_of_hyperkitty(mails: Iterable[Mail], path: str) -> bytes | None:
    """The gzipped mailbox that HyperKitty answers at this path, of the days that it asks for; None at another path."""
    parts = urlsplit(path)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if not re.search(r"/export/[^/]+\.mbox\.gz$", parts.path):
        return None
    chosen = [mail for mail in mails if asked["start"] <= f"{mail.at.astimezone(UTC):%Y-%m-%d}" < asked["end"]]
    return gzip.compress(b"".join(_exported(mail) + b"\n\n" for mail in chosen), mtime=0)


def _exported(mail: Mail) -> bytes:
    """A mail as it is kept there: a few headers, encoded whole, and every part of it in utf-8 and quoted-printable."""
    made, hidden = MIMEMultipart(), mail.sender.replace("@", " at ")
    made.set_unixfrom(f"From {parseaddr(mail.sender)[1].replace('@', ' at ')} {mail.at.astimezone(UTC):%c}")
    for name, value in (("From", hidden), ("To", "demo at lists.example.org"), ("Subject", mail.subject)):
        made[name] = Header(value, _QUOTED).encode()
    made["Date"] = format_datetime(mail.at)
    made["Message-ID"] = f"<{mail.id}>"
    text = MIMENonMultipart("text", "plain", charset="utf-8")
    text.set_payload(mail.body, charset=_QUOTED)
    made.attach(text)
    return made.as_bytes(unixfrom=True)


def _render(
    kind: str,
    folder: Path,
    mails: Sequence[Mail],
    period: Callable[[datetime], str],
    index: str,
    language: "Language | None" = None,
) -> None:
    months = _months(mails, period)
    shown = "".join(_fill(kind, "root-month", {"name": name}) for name in months)
    _write(folder / "index.html", _fill(kind, "root" if months else "empty", {"months": shown}))
    for name, inside in months.items():
        entries = "".join(_fill(kind, "month-mail", _fields(number, mail)) for number, mail in inside)
        newest = max(mail.at.astimezone(UTC) for _, mail in inside)
        form = "%a %b %e %H:%M:%S UTC %Y" if kind == "pipermail" else "%a %d %b %Y - %H:%M:%S UTC"
        _write(
            folder / name / index,
            _fill(kind, "month", {"name": name, "mails": entries, "newest": f"{newest:{form}}"}),
        )
        for number, mail in inside:
            width = 6 if kind == "pipermail" else 4
            fields = _fields(number, mail) | ({} if language is None else language.fields(mail))
            _write(folder / name / f"{number:0{width}}.html", _fill(kind, "mail", fields))


def _months(mails: Sequence[Mail], period: Callable[[datetime], str]) -> dict[str, list[tuple[int, Mail]]]:
    months: dict[str, list[tuple[int, Mail]]] = {}
    for number, mail in reversed(list(enumerate(mails, 1))):
        months.setdefault(period(mail.at.astimezone(UTC)), []).insert(0, (number, mail))
    return months


def _of_month(name: str) -> dict[str, object]:
    year, month = name.split("/")
    return {"name": f"{datetime(int(year), int(month), 1, tzinfo=UTC):%B %Y}", "year": year, "month": month}


def _fields(number: int, mail: Mail) -> dict[str, object]:
    """What the pages show of a mail."""
    name, address = parseaddr(mail.sender)
    user, _, host = address.partition("@")
    at = mail.at.astimezone(UTC)
    return {
        "number": number,
        "subject": escape(mail.subject),
        "quoted_subject": quote(mail.subject),
        "id": escape(mail.id),
        "quoted_id": quote(mail.id),
        "name": escape(name),
        "user": user,
        "host": host,
        "at": "at",
        "body": escape(mail.body),
        "date": f"{mail.at:%a, %d %b %Y %H:%M:%S %z}",
        "cet": f"{at + timedelta(hours=1):%a %b %e %H:%M:%S} CET {at + timedelta(hours=1):%Y}",
        "weekday": f"{at:%A}",
        "day": at.day,
        "monthname": f"{at:%B}",
        "year": at.year,
        "sender_time": f"{mail.at:%B} {mail.at.day}, {mail.at.year}, {_clock(mail.at)}",
        "server_time": _clock(at),
        "md5": hashlib.md5(address.encode()).hexdigest(),
        "hash": base64.b32encode(hashlib.sha1(mail.id.encode()).digest()).decode(),
    }


def _clock(at: datetime) -> str:
    """As Django writes times in English: "9:30 a.m.", "noon"."""
    if (at.hour, at.minute) in ((0, 0), (12, 0)):
        return "noon" if at.hour else "midnight"
    minutes = f":{at.minute:02}" if at.minute else ""
    return f"{(at.hour - 1) % 12 + 1}{minutes} {'p' if at.hour >= 12 else 'a'}.m."


def _fill(kind: str, name: str, fields: Mapping[str, object]) -> str:
    return (TEMPLATES / kind / f"{name}.html").read_text("utf-8").format(**fields)


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
