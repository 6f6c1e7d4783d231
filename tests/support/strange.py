"""What strangers write, torn or made big: shared by the tests, the fuzzer and the measure of growth."""

from pathlib import Path

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.evidence import ProjectId, Sighting
from rctrack.core.rules import ProjectRules
from rctrack.core.version import FeatureParts
from rctrack.process import Runner
from rctrack.sources import Tools
from rctrack.sources.kinds.hyperkitty import Hyperkitty
from rctrack.sources.kinds.hypermail import Hypermail
from rctrack.sources.kinds.mhonarc import Mhonarc
from rctrack.sources.kinds.pipermail import Pipermail
from rctrack.web import Page, Web
from tests.support.archives import SCHEME, SEEN_AT
from tests.support.rendered import RULES, TEMPLATES

URL = "http://127.0.0.1/demo/2026-March/date.html"
CONFIG = ListConfig("pipermail", "http://127.0.0.1/demo", RULES)
SIGHTING = Sighting(CONFIG.source, SEEN_AT, None)
_RULES = ProjectRules(SCHEME, FeatureParts((((), 2),)), ("v{version}",), None, frozenset())
_PROJECT = ProjectConfig(ProjectId("demo"), "Demo", _RULES, True, False, (), (CONFIG,), "demo.toml")
_TOOLS = Tools(Runner(), Path(), "rctrack/test", lambda *_: None, Web("rctrack/test"))
READERS = tuple(kind(CONFIG, _PROJECT, _TOOLS) for kind in (Pipermail, Hypermail, Hyperkitty, Mhonarc))

ATOM = (
    b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><title>[ANNOUNCE] demo v1</title>'
    b'<link href="http://127.0.0.1/demo/a@b/"/></entry></feed>'
)
MBOX = (
    b"From x@y Mon Mar  2 10:00:00 2026\nSubject: a\nMessage-ID: <a@b>\n\nbody\n\nFrom x@y Mon Mar  2 10:00:00 2026\n\n"
)
PIECES = (
    *(file.read_bytes() for file in sorted(TEMPLATES.glob("*/*.html"))),
    ATOM,
    MBOX,
    b"<!--beginarticle-->",
    b"<!--endarticle-->",
    b'<!-- body="start" -->',
    b'<!-- body="end" -->',
    b"<!--X-",
    b'<a href="',
    b'<a href="http://[x/000123.html">',
    b'<div class="email">',
    b'title="',
    b'<meta charset="',
    b"\xff\xfe",
    b"&#x110000;",
    b"&amp;amp;",
    b"<![CDATA[",
    b'<?xml version="1.0"?><feed>',
    b"\0",
)
"""Parts of real pages, feeds and mailboxes, and marks that readers look for."""


def page(content: bytes, url: str = URL) -> Page:
    """A page as a host answers with it."""
    return Page(url, 200, "text/html", content, "")
