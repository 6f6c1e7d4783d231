"""How fast is it? `python -m tests.studies.bench [NAME…]` runs the benches below and prints what they measured.

A bench is a function of a folder that it may fill; it yields lines to be printed and raises Broken at the end if a
promise is not kept. Add one by a line in BENCHES.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from rctrack.core.rules import ListRules
from rctrack.sources import Good
from tests.studies.bench_git import pairs, traffic
from tests.support.archives import open_archive
from tests.support.following import SUBJECT
from tests.support.material import MAINTAINER, git_environment
from tests.support.promise import Broken

Bench = Callable[[Path], Iterator[str]]
MAILS = 90_000
ROUNDS = 3
RATIO = 1.5
_WORDS = ("net", "mm", "x86", "arm64", "fix", "leak", "driver", "use-after-free", "dt-bindings", "remove", "demo", "v2")


def scan(folder: Path) -> Iterator[str]:
    """A whole epoch from the start, against the `git log` that lists its subjects."""
    epoch = folder / "archive" / "git" / "0.git"
    write_epoch(epoch, MAILS)
    fields = "--format=%H%x00%an%x00%ae%x00%ct%x00%s"
    git_log = ["git", f"--git-dir={epoch}", "log", fields, "HEAD"]
    plain, ours, peaks = [], [], []
    for _ in range(ROUNDS):  # in turn, so that a busy machine is unkind to both alike
        begin = time.perf_counter()
        subprocess.run(git_log, stdout=subprocess.DEVNULL, env=git_environment(), check=True)
        plain.append(time.perf_counter() - begin)
        measured = _look_in_a_process(folder, epoch.parent.parent)
        ours.append(measured.seconds)
        peaks.append(measured.grown)
    smaller = folder / "small" / "git" / "0.git"
    write_epoch(smaller, MAILS // 10)
    grown_by_tenth = _look_in_a_process(folder, smaller.parent.parent).grown
    ratio = min(ours) / min(plain)
    yield f"mails                    {MAILS}"
    yield f"git log                  {min(plain):.3f} s"
    yield f"rctrack, first look      {min(ours):.3f} s"
    yield f"ratio                    {ratio:.2f} (promised: below {RATIO})"
    yield f"memory, whole epoch      {max(peaks) / 1024:.1f} MB more than before the look"
    yield f"memory, a tenth of it    {grown_by_tenth / 1024:.1f} MB"
    if ratio >= RATIO:
        raise Broken(f"{ratio:.2f} times `git log`, promised was less than {RATIO}")


BENCHES: dict[str, Bench] = {"scan": scan, "pairs": pairs, "traffic": traffic}


def write_epoch(path: Path, number: int) -> None:
    """A public-inbox epoch of that many mails, one in a thousand an announcement."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(path)], env=git_environment(), check=True)
    argv = ["git", f"--git-dir={path}", "fast-import", "--quiet"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=git_environment()) as importer:
        assert importer.stdin is not None
        random = Random(8)
        for i in range(number):
            importer.stdin.write(_commit(i, random))
    subprocess.run(["git", f"--git-dir={path}", "symbolic-ref", "HEAD", "refs/heads/master"], check=True)


def _commit(i: int, random: Random) -> bytes:
    sender, subject = f"dev{random.randrange(2000)}@example.org", " ".join(random.choices(_WORDS, k=8))
    if i % 1000 == 500:
        sender, subject = MAINTAINER, f"[ANNOUNCE] demo v{i // 1000 + 1}.0"
    elif random.random() < 0.7:
        subject = f"Re: [PATCH {i % 9}/9] {subject}"
    at = 1_500_000_000 + 60 * i
    mail = (
        f"From: {sender}\nSubject: {subject}\nMessage-ID: <{i}@example.org>\n\n{'text ' * random.randrange(50, 200)}\n"
    )
    return (
        f"commit refs/heads/master\nauthor A Name <{sender}> {at} +0000\ncommitter A Name <{sender}> {at} +0000\n"
        f"data {len(subject)}\n{subject}\nM 100644 inline m\ndata {len(mail)}\n{mail}\n"
    ).encode()


@dataclass(frozen=True, slots=True)
class Measured:
    """What one look in a process of its own took."""

    seconds: float
    grown: int
    """Kilobytes of memory at the highest, more than before."""


def _look_in_a_process(folder: Path, archive: Path) -> Measured:
    argv = [sys.executable, "-m", "tests.studies.bench", "--look", str(folder / "user"), str(archive)]
    said = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    seconds, grown, found = said.split()
    if int(found) < 1:
        raise Broken("found no announcement")
    return Measured(float(seconds), int(grown))


def _look(folder: Path, archive: Path) -> None:
    rules = ListRules(frozenset({MAINTAINER}), SUBJECT, (), None)
    opened = open_archive(folder, "public-inbox", archive, rules)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    outcome = opened.look()
    seconds = time.perf_counter() - begin
    assert isinstance(outcome, Good), outcome
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(outcome.evidence))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES], help="which; all if none is named")
    parser.add_argument("--look", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        _look(*options.look)
        return 0
    failed = 0
    for name in options.names or BENCHES:
        print(f"--- {name}: {(BENCHES[name].__doc__ or '').strip()}")
        with tempfile.TemporaryDirectory(prefix="rctrack-bench-") as folder:
            try:
                for line in BENCHES[name](Path(folder)):
                    print(line, flush=True)
            except Broken as error:
                print(f"BROKEN PROMISE: {error}")
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
