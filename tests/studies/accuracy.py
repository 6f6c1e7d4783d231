"""How well the shipped project files know announcements: recall and precision over all real mail at hand.

    python -m tests.studies.accuracy [--strict] [FOLDER]      FOLDER is ../shared/data unless it is named

Every mail is read as if it came from every list of every project. It prints each miss and each false alarm by name and
ends with 1 if there is one. Both figures are printed: with every label as the table has it (strict), and without those
that the mails themselves contradict, each of which is named with its mail's own words; `--strict` ends by the former.
"""

import csv
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rctrack import config
from rctrack.config import ProjectConfig
from rctrack.core.evidence import MailEvidence, Sighting, SourceId
from rctrack.core.recognise import header_text, parse_headers, recognise_mail, subject_may_fit
from rctrack.core.release import Announcement
from rctrack.core.version import Version, parse_version
from tests.support.material import unpack

ARCHIVE = "util-linux-archive"
_SIGHTING = Sighting(SourceId("public-inbox truth"), datetime(2026, 1, 1, tzinfo=UTC), None)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of truth.csv."""

    file: str
    archive: str
    project: str | None
    """None for a distractor."""
    versions: tuple[str, ...]
    written_on: date
    sender: str
    subject: str
    message_id: str
    shortlog: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one mail was taken for, against what it is."""

    name: str
    archive: str
    wanted: Mapping[str, frozenset[Version]]
    """The versions by project."""
    found: Mapping[str, frozenset[Version]]
    count_wrong: str | None

    @property
    def misses(self) -> list[str]:
        return [project for project, versions in self.wanted.items() if self.found.get(project) != versions]

    @property
    def false_alarms(self) -> list[str]:
        return [project for project, versions in self.found.items() if self.wanted.get(project) != versions]


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; 0 if recall and precision are 1 everywhere."""
    named = [each for each in arguments if each != "--strict"]
    folder = Path(named[0]) if named else shared_data()
    facts, projects = read_facts(folder), shipped_projects()
    disputed = dict(disputes(facts, folder))
    verdicts = [judge(projects, fact, (folder / fact.file).read_bytes()) for fact in facts]
    verdicts += judge_archive(projects, facts, folder)
    doubtful = {fact.file for fact in disputed}
    agreed = [verdict for verdict in verdicts if verdict.name not in doubtful]
    by_project = tally(agreed, projects, by_list=False)
    print(table("PROJECT", by_project), table("LIST", tally(agreed, projects, by_list=True)), sep="\n")
    for fact, words in sorted(disputed.items(), key=lambda each: each[0].file):
        print(f"disputed label: {fact.file}\n  a distractor by the table; subject {fact.subject!r}, text {words!r}")
    wrong, strict = list(complaints(agreed)), list(complaints(verdicts))
    print(*strict, sep="\n")
    counted = sum(1 for fact in facts if fact.shortlog is not None)
    print(f"{len(verdicts)} mails, {len(projects)} projects, {counted} shortlog counts")
    for name, judged, mistakes in (("strict", verdicts, strict), ("without disputed labels", agreed, wrong)):
        recall, precision = rates(sum(tally(judged, projects, by_list=False).values(), Counter[str]()))
        print(f"{name}: {len(mistakes)} mistakes, recall {recall:.4f}, precision {precision:.4f}")
    return 1 if (strict if "--strict" in arguments else wrong) else 0


def shared_data() -> Path:
    """The folder of real mail beside the checkout, or further up."""
    here = Path(__file__).resolve()
    return next(place for parent in here.parents if (place := parent / "shared" / "data").is_dir())


def shipped_projects() -> dict[str, ProjectConfig]:
    """Every project file that comes with rctrack."""
    place = config.shipped() / "rctrack.toml"
    return {stem: config.load_project(stem, place) for stem in sorted(config.known_projects(place))}


def read_facts(folder: Path) -> list[Fact]:
    """The table of truth."""
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return [
            Fact(
                file=row["file"],
                archive=row["list"],
                project=row["project"] if row["kind"] == "announcement" else None,
                versions=tuple(row["version"].split(";")),
                written_on=datetime.fromisoformat(row["date_header_utc"]).date(),
                sender=row["from"],
                subject=row["subject"],
                message_id=row["message_id"],
                shortlog=int(row["shortlog_commit_count"]) if row["shortlog_commit_count"] else None,
            )
            for row in csv.DictReader(file)
        ]


def disputes(facts: Sequence[Fact], folder: Path) -> Iterator[tuple[Fact, str]]:
    """Distractors that say themselves that what their subject names is out, and the words in which they do.

    They have the sender, the list and but for the number the very subject of true announcements, too.
    """

    def key(fact: Fact) -> tuple[str, str, str]:
        address = fact.sender.rpartition("<")[2]
        return address, fact.archive, re.sub(r"\d+(?:\.\d+)*", "N", fact.subject)

    true = {key(fact) for fact in facts if fact.project}
    for fact in facts:
        named = re.search(r"[\w.-]+ v?\d+(?:\.\d+)*$", fact.subject)
        if not fact.project and named and key(fact) in true:
            content = (folder / fact.file).read_bytes().decode("utf-8", "replace")
            if said := re.search(
                rf"^{re.escape(named[0])} is (?:now )?(?:out|available|released)\b", content, re.MULTILINE
            ):
                yield fact, said[0]


def judge(projects: Mapping[str, ProjectConfig], fact: Fact, content: bytes) -> Verdict:
    """What a mail of the table is taken for."""
    read = readings(projects, content)
    wanted = {}
    if fact.project:
        scheme = projects[fact.project].rules.scheme if fact.project in projects else "dotted"
        versions = (parse_version(scheme, text, fact.written_on) for text in fact.versions)
        wanted = {fact.project: frozenset(version for version in versions if version)}
    counts = {each.commits_announced for project, each in read.items() if project == fact.project}
    wrong = fact.shortlog is not None and counts and counts != {fact.shortlog}
    return Verdict(
        name=fact.file,
        archive=fact.archive,
        wanted=wanted,
        found={project: frozenset(each.versions) for project, each in read.items()},
        count_wrong=f"shortlog of {fact.shortlog}, read as {counts}" if wrong else None,
    )


def readings(projects: Mapping[str, ProjectConfig], content: bytes) -> dict[str, Announcement]:
    """The announcement that a mail is, by the project that takes it for one."""
    subject = header_text(parse_headers(content), "Subject", 1000)
    found = {}
    for project in projects.values():
        for source in project.lists:
            if subject_may_fit(source.rules, subject):
                mail = MailEvidence("mail", content, None)
                reading = recognise_mail(source.rules, project.rules.scheme, mail, _SIGHTING)
                if isinstance(reading, Announcement):
                    found[str(project.id)] = reading
    return found


def judge_archive(projects: Mapping[str, ProjectConfig], facts: Sequence[Fact], folder: Path) -> list[Verdict]:
    """Every mail of the real archive; what is no announcement by the table is a distractor."""
    known = {fact.message_id: fact for fact in facts if fact.project}
    verdicts = []
    for number, content in enumerate(archived_mails(folder, ARCHIVE)):
        message_id = header_text(parse_headers(content), "Message-ID", 998).strip("<> ")
        fact = known.get(message_id) or Fact(
            f"{number} <{message_id}>", "", None, (), date.min, "", "", message_id, None
        )
        verdict = judge(projects, fact, content)
        verdicts.append(Verdict(f"{ARCHIVE} {verdict.name}", ARCHIVE, verdict.wanted, verdict.found, None))
    return verdicts


def archived_mails(data: Path, name: str) -> Iterator[bytes]:
    """The mails of a public-inbox epoch of ../shared/data, oldest first."""
    with tempfile.TemporaryDirectory() as folder:
        repository = unpack(data, name, Path(folder))
        git = ["git", f"--git-dir={repository}", "-c", "safe.directory=*"]
        commits = subprocess.run(
            [*git, "rev-list", "--reverse", "HEAD"], check=True, capture_output=True
        ).stdout.split()
        wanted = b"".join(commit + b":m\n" for commit in commits)
        blobs = subprocess.run([*git, "cat-file", "--batch"], input=wanted, check=True, capture_output=True).stdout
    position = 0
    while position < len(blobs):
        end = blobs.index(b"\n", position)
        fields = blobs[position:end].split()
        position = end + 1
        if fields[-1] != b"missing":
            size = int(fields[2])
            yield blobs[position : position + size]
            position += size + 1


def tally(
    verdicts: Sequence[Verdict], projects: Mapping[str, ProjectConfig], *, by_list: bool
) -> dict[str, Counter[str]]:
    """Announcements, those found, and false alarms, by project or by list."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        for project in verdict.wanted:
            key = verdict.archive if by_list else project
            counts[key].update(true=1, found=int(project not in verdict.misses))
        for project in verdict.false_alarms:
            counts[verdict.archive if by_list else project].update(false=1)
        if by_list:
            counts[verdict.archive].update(mails=1)
    return dict(sorted(counts.items()))


def table(head: str, counts: Mapping[str, Counter[str]]) -> str:
    """One line each: how many, recall and precision."""
    lines = [f"{head:<36} {'TRUE':>5} {'FOUND':>6} {'FALSE':>6} {'RECALL':>7} {'PRECISION':>10}"]
    for name, count in [*counts.items(), ("all", sum(counts.values(), Counter[str]()))]:
        recall, precision = rates(count)
        numbers = f"{count['true']:>5} {count['found']:>6} {count['false']:>6} {recall:>7.4f} {precision:>10.4f}"
        lines.append(f"{name:<36} {numbers}")
    return "\n".join(lines) + "\n"


def rates(count: Counter[str]) -> tuple[float, float]:
    """Recall and precision; 1 where there was nothing to be found."""
    taken = count["found"] + count["false"]
    return count["found"] / count["true"] if count["true"] else 1.0, count["found"] / taken if taken else 1.0


def complaints(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Each miss and each false alarm by name."""
    for verdict in verdicts:
        for project in verdict.misses:
            wanted, found = verdict.wanted[project], verdict.found.get(project, frozenset())
            yield f"MISS {project} {verdict.name}: {_texts(wanted)}, read as {_texts(found)}"
        for project in verdict.false_alarms:
            yield f"FALSE ALARM {project} {verdict.name}: {_texts(verdict.found[project])}"
        if verdict.count_wrong:
            yield f"COUNT {verdict.name}: {verdict.count_wrong}"


def _texts(versions: frozenset[Version]) -> str:
    return " ".join(sorted(version.text for version in versions)) or "nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
