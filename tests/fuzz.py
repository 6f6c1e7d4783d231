"""A minute of random input: `python -m tests.fuzz [SECONDS]` runs atheris over all that reads what strangers wrote.

Seeded, and not part of the tests: atheris is installed by `make fuzz` alone. It ends with an exit status other than 0
and the input at the first exception, or at one input that takes longer than LONGEST.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

TARGETS = ("mail", "hop", "pages", "feeds")
LONGEST = 10
"""Seconds for one input of at most MOST bytes."""
MOST = 16 * 1024


def _fuzz(target: str, corpus: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["rctrack", "email"]):
        from rctrack.core import recognise, trace
        from rctrack.core.model import MailEvidence, Sighting
        from rctrack.sources import mails
        from rctrack.sources.mbox import read_mbox
        from rctrack.sources.public_inbox_http import read_atom
        from rctrack.web import Page, WebError
        from tests.sources.archives import SCHEME, SEEN_AT
        from tests.sources.rendered import RULES
        from tests.sources.test_strange_input import _CONFIG, READERS, URL

    sighting = Sighting(_CONFIG.source, SEEN_AT, None)

    def mail(given: bytes) -> None:
        recognise.recognise_mail(RULES, SCHEME, MailEvidence("key", given, None), sighting)
        for each in read_mbox(io.BytesIO(given)):
            mails.subject_of(each)
            mails.message_id_of(each)

    def hop(given: bytes) -> None:
        trace.read_hop(given.decode("utf-8", "replace"))
        trace.parse_date(given.decode("latin-1"))

    def pages(given: bytes) -> None:
        for reader in READERS:
            for read in (reader.index, reader.mail):
                try:
                    read(Page(URL, 200, "text/html", given, ""))
                except WebError:
                    continue

    def feeds(given: bytes) -> None:
        try:
            read_atom(Page(URL, 200, "application/atom+xml", given, ""))
        except WebError:
            return

    one = {"mail": mail, "hop": hop, "pages": pages, "feeds": feeds}[target]
    options = [
        f"-max_total_time={seconds}",
        "-seed=8",
        f"-timeout={LONGEST}",
        f"-max_len={MOST}",
        "-print_final_stats=1",
    ]
    atheris.Setup(["fuzz", *options, corpus], one)
    atheris.Fuzz()


def main() -> int:
    if len(sys.argv) == 5 and sys.argv[1] == "--one":
        _fuzz(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    failed = 0
    for target in TARGETS:
        print(f"--- {target}", flush=True)
        with tempfile.TemporaryDirectory(prefix="rctrack-fuzz-") as folder:
            _seed(Path(folder))
            argv = [sys.executable, "-m", "tests.fuzz", "--one", target, folder, str(seconds // len(TARGETS))]
            failed |= subprocess.run(argv, check=False).returncode != 0
    return int(failed)


def _seed(folder: Path) -> None:
    from tests.sources.rendered import CORPUS, content
    from tests.sources.test_strange_input import _PIECES

    for number, piece in enumerate([*_PIECES, *map(content, CORPUS)]):
        (folder / str(number)).write_bytes(piece[:MOST])


if __name__ == "__main__":
    sys.exit(main())
