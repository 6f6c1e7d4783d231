"""A minute of random input: `python -m tests.tools.fuzz [SECONDS]` runs atheris over what strangers wrote.

Seeded, and not part of the tests: atheris is installed by `make fuzz` alone. It ends with an exit status other than 0
and the input at the first exception, or at one input that takes longer than LONGEST. Without atheris nothing is tried:
that is a failure too, save where atheris is not made for this Python or machine.
"""

import importlib.util
import io
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARGETS = ("mail", "hop", "pages", "feeds")
SECONDS = 60
"""For all of them together, besides what it takes to start."""
LONGEST = 5
"""Seconds for one input of at most MOST bytes, which takes milliseconds."""
MOST = 16 * 1024
READ_BY = ["rctrack.core.recognise", "rctrack.core.received", "rctrack.core.version", "rctrack.sources"]
"""What is watched for branches not yet taken; more only makes it slower."""


def _fuzz(target: str, corpus: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=READ_BY):
        from rctrack.core import received, recognise
        from rctrack.core.evidence import MailEvidence
        from rctrack.sources import mails
        from rctrack.sources.kinds.mbox import read_mbox
        from rctrack.sources.kinds.public_inbox_http import read_atom
        from rctrack.web import WebError
        from tests.support.archives import SCHEME
        from tests.support.rendered import RULES
        from tests.support.strange import READERS, SIGHTING, page

    def mail(given: bytes) -> None:
        recognise.recognise_mail(RULES, SCHEME, MailEvidence("key", given, None), SIGHTING)
        for each in read_mbox(io.BytesIO(given)):
            mails.subject_of(each)
            mails.message_id_of(each)

    def hop(given: bytes) -> None:
        received.read_hop(given.decode("utf-8", "replace"))
        received.parse_date(given.decode("latin-1"))

    def pages(given: bytes) -> None:
        for reader in READERS:
            for read in (reader.index, reader.mail):
                try:
                    read(page(given))
                except WebError:
                    continue

    def feeds(given: bytes) -> None:
        try:
            read_atom(page(given))
        except WebError:
            return

    one = {"mail": mail, "hop": hop, "pages": pages, "feeds": feeds}[target]
    options = [f"-max_total_time={seconds}", "-seed=8", f"-timeout={LONGEST}", f"-max_len={MOST}", "-len_control=0"]
    # What fails is kept beside the corpus, whose folder goes away only when nothing did.
    atheris.Setup(["fuzz", *options, "-print_final_stats=1", f"-artifact_prefix={corpus}-", corpus], one)
    atheris.Fuzz()


def main() -> int:
    """One line for each target; what was found, and 1, if anything was."""
    if len(sys.argv) == 5 and sys.argv[1] == "--one":
        _fuzz(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    if importlib.util.find_spec("atheris") is None:
        return _without_atheris()
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    failed = [target for target in TARGETS if not _survives(target, seconds // len(TARGETS))]
    print(f"fuzz: {len(TARGETS)} readers, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _without_atheris() -> int:
    """Says so; 1 where it should be there: it is made for Linux on x86-64 and CPython 3.11 to 3.13."""
    here = f"{platform.python_implementation()} {platform.python_version()} on {sys.platform} {platform.machine()}"
    is_made = sys.version_info < (3, 14) and sys.platform == "linux" and platform.machine() == "x86_64"
    print(f"fuzz: atheris is not installed for {here}: nothing was tried")
    return int(is_made)


def _survives(target: str, seconds: int) -> bool:
    """Whether nothing was found within the time; says what was."""
    folder = Path(tempfile.mkdtemp(prefix="rctrack-fuzz-"))
    corpus = folder / target
    corpus.mkdir()
    _seed(corpus)
    argv = [sys.executable, "-m", "tests.tools.fuzz", "--one", target, str(corpus), str(seconds)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace")
    stated = dict(re.findall(r"^stat::(\w+): +(\d+)", said, re.MULTILINE))
    tried, slowest = stated.get("number_of_executed_units", "?"), stated.get("slowest_unit_time_sec", "?")
    print(f"{target}: {tried} inputs of at most {MOST} bytes in {seconds} s, the slowest took {slowest} s", flush=True)
    if done.returncode:
        print("\n".join(line for line in said.splitlines() if not line.startswith(("INFO:", "#"))), flush=True)
        return False
    shutil.rmtree(folder)
    return True


def _seed(folder: Path) -> None:
    from tests.support.rendered import CORPUS, content
    from tests.support.strange import PIECES

    for number, piece in enumerate([*PIECES, *map(content, CORPUS)]):
        (folder / str(number)).write_bytes(piece[:MOST])


if __name__ == "__main__":
    sys.exit(main())
