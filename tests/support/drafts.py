"""Drafts to send in tests."""

from datetime import UTC, datetime

from rctrack.core.evidence import MessageId
from rctrack.send import Draft, compose

SENDER = "rctrack <rctrack@localhost>"
READER = "reader@example.org"


def a_draft(
    *,
    recipient: str = READER,
    subject: str = "[rctrack] linux v3.1-rc6 out: 109 commits, announced +41 h",
    text: str = "linux v3.1-rc6 is out.\n\ntagged     2011-09-12 21:02 UTC\n",
    html: str | None = None,
    message_id: str = "linux.v3.1-rc6.tagged.reader@rctrack",
    references: tuple[str, ...] = ("linux.v3.1-rc1.tagged.reader@rctrack", "linux.v3.1-rc5.tagged.reader@rctrack"),
    list_id: str = "linux.rctrack",
) -> Draft:
    """What rctrack would have written in September 2011."""
    return Draft(
        recipient=recipient,
        subject=subject,
        text=text,
        html=html,
        message_id=MessageId(message_id),
        references=tuple(map(MessageId, references)),
        list_id=list_id,
        written_at=datetime(2011, 9, 14, 14, 3, 12, tzinfo=UTC),
    )


def a_mail(draft: Draft | None = None) -> bytes:
    """The same, ready to be sent."""
    return compose(draft or a_draft(), SENDER, "rctrack@example.org", "rctrack/0.1.0")
