"""Mail that is owed: who is owed what, each letter written once, and sent until it is gone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rctrack import send as notifiers
from rctrack.config import ProjectConfig, Recipient
from rctrack.core import summary, wording
from rctrack.core.evidence import MessageId, ProjectId
from rctrack.core.forecast import words
from rctrack.core.release import Letter, Release
from rctrack.core.version import VersionId
from rctrack.outlook import said_of, seen_of
from rctrack.pipeline import digest
from rctrack.pipeline.turn import Releases, Turn, releases_of, source_health
from rctrack.store import OwedLetter

ALERTS_PER_HOUR = 20
"""To one reader; what is more is told by the digest alone."""
RETRY_FIRST = timedelta(minutes=1)
RETRY_MOST = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Incident:
    """A mail about something that went wrong, or is right again."""

    message_id: MessageId
    thread: str
    subject: str
    text: str
    list_id: str


def owe_alerts(turn: Turn, recipient: Recipient, new: Sequence[Release]) -> None:
    """One mail each, as many as there is room for."""
    turn.store.letters.owe(
        OwedLetter(
            message_id=summary.release_message_id(release.project, release.version.id, recipient.address),
            kind="release",
            recipient=recipient.address,
            project=release.project,
            version_id=release.version.id,
            thread=f"{release.project} {release.version.cycle_id}",
            owed_at=turn.now,
            since=None,
            content=None,
            attempts=0,
        )
        for release in new[: room(turn, recipient)]
    )


def owe_changes(
    turn: Turn,
    project: ProjectConfig,
    recipient: Recipient,
    changed: Sequence[Release],
    known: Collection[tuple[VersionId, str]],
) -> None:
    """One mail about all tags that turned out to be changed at once, written now: what is told is what we just saw."""
    told = [
        (release, change)
        for release in changed
        for change in release.changes
        if (release.version.id, change.station) not in known
    ]
    if not told:
        return
    stations = [f"{release.version.id} {change.station}" for release, change in told]
    incident = Incident(
        message_id=summary.incident_message_id(project.id, stations, recipient.address),
        thread=f"{project.id} {told[0][0].version.cycle_id}",
        subject=summary.changes_subject(told),
        text=summary.changes_text(project.name, told, source_health(turn, project), reader(recipient)),
        list_id=f"{project.id}.rctrack",
    )
    owe_incident(turn, recipient, incident)


def owe_incident(turn: Turn, recipient: Recipient, incident: Incident) -> bool:
    """Owes a mail that is written now; False where the reader has had too many this hour: the digest tells it."""
    if room(turn, recipient) <= 0:
        return False
    owed = OwedLetter(
        message_id=incident.message_id,
        kind="incident",
        recipient=recipient.address,
        project=None,
        version_id=None,
        thread=incident.thread,
        owed_at=turn.now,
        since=None,
        content=None,
        attempts=0,
    )
    turn.store.letters.owe([owed])
    letter = _letter(turn, owed, incident.subject, incident.text, incident.list_id)
    program = turn.tools.user_agent.partition(" ")[0]
    content = notifiers.compose(letter, turn.config.mail.sender, turn.config.contact, program)
    turn.store.letters.write(owed.message_id, content)
    return True


def room(turn: Turn, recipient: Recipient) -> int:
    """How many more alerts this reader may have this hour."""
    owed = turn.store.letters.alerts_owed_since(recipient.address, turn.now - timedelta(hours=1))
    return max(0, ALERTS_PER_HOUR - owed)


def reader(recipient: Recipient) -> wording.Reader:
    """For whom a mail is written."""
    return wording.Reader(recipient.address, recipient.timezone)


def deliver(turn: Turn, notifier: notifiers.Notifier, program: str) -> tuple[int, int]:
    """Sends what is due; how many were sent and how many have to wait."""
    sent = waiting = 0
    releases: dict[ProjectId, Releases] = {}
    for owed in turn.store.letters.due(turn.now):
        content = owed.content or _write(turn, owed, releases, program)
        if content is None:
            continue
        match notifier.send(content, turn.config.mail.sender, owed.recipient):
            case notifiers.Sent():
                with turn.store.transaction():
                    turn.store.letters.sent(owed.message_id, turn.now)
                sent += 1
            case notifiers.Deferred(reason):
                with turn.store.transaction():
                    wait = min(RETRY_FIRST * 2 ** min(owed.attempts, 20), RETRY_MOST)
                    turn.store.letters.deferred(owed.message_id, reason, turn.now + wait)
                waiting += 1
            case notifiers.Refused(reason):
                with turn.store.transaction():
                    turn.store.letters.refused(owed.message_id, reason, turn.now)
                waiting += 1
    return sent, waiting


def _write(turn: Turn, owed: OwedLetter, releases: dict[ProjectId, Releases], program: str) -> bytes | None:
    """The bytes of an owed letter, stored before the first attempt so that every attempt sends the same."""
    letter = _digest_letter(turn, owed) if owed.kind == "digest" else _release_letter(turn, owed, releases)
    if letter is None:
        with turn.store.transaction():
            turn.store.letters.refused(owed.message_id, "its project or reader is not followed any more", turn.now)
        return None
    content = notifiers.compose(letter, turn.config.mail.sender, turn.config.contact, program)
    with turn.store.transaction():
        turn.store.letters.write(owed.message_id, content)
    return content


def _release_letter(turn: Turn, owed: OwedLetter, folded: dict[ProjectId, Releases]) -> Letter | None:
    project = next((each for each in turn.config.projects if each.id == owed.project), None)
    recipient = next((each for each in turn.config.mail.to if each.address == owed.recipient), None)
    if project is None or recipient is None or owed.version_id is None:
        return None
    if project.id not in folded:
        folded[project.id] = releases_of(turn.store, project, turn.outlook)
    releases = folded[project.id]
    release = releases.get(owed.version_id)
    if release is None:
        return None
    before = releases.get(release.previous.id) if release.previous else None
    made = turn.outlook.next_release(project, seen_of(releases.values()), turn.now, said_of(releases))
    expected = words(made) if made and made.after == release.version else ""
    health = source_health(turn, project)
    text = summary.release_text(project.name, release, before, health, reader(recipient), expected)
    return _letter(turn, owed, summary.release_subject(release), text, f"{project.id}.rctrack")


def _digest_letter(turn: Turn, owed: OwedLetter) -> Letter | None:
    recipient = next((each for each in turn.config.mail.to if each.address == owed.recipient), None)
    if recipient is None:
        return None
    since = owed.since or digest.begin(turn, owed.recipient, owed.owed_at)
    subject, text = digest.compose(turn, recipient, since, owed.owed_at)
    return _letter(turn, owed, subject, text, "digest.rctrack")


def _letter(turn: Turn, owed: OwedLetter, subject: str, text: str, list_id: str) -> Letter:
    first = turn.store.letters.first_sent(owed.thread, owed.recipient) if owed.kind != "digest" else None
    return Letter(
        recipient=owed.recipient,
        subject=subject,
        text=text,
        html=None,
        message_id=owed.message_id,
        references=(first,) if first else (),
        list_id=list_id,
        written_at=turn.now,
    )
