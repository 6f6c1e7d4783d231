"""From evidence to observations: is this mail an announcement, is this tag a release, and of which version?

`tag` reads tags, `station` what a project's site says. `mail` reads mails: `subject` for what is put around a subject,
`sender` for who wrote it, `candidate` for the words beside a version, `headers` and `body` for what is general about
mail however broken, `shortlog` and `statements` for what an announcement states. All of it is bounded, and none of it
raises.
"""

from rctrack.core.recognise.headers import Headers, header_text, parse_headers
from rctrack.core.recognise.mail import recognise_mail, subject_may_fit
from rctrack.core.recognise.station import recognise_station
from rctrack.core.recognise.subject import is_sent_again, may_hide
from rctrack.core.recognise.tag import Ignored, recognise_tag, tag_names

__all__ = [
    "RECOGNISER",
    "Headers",
    "Ignored",
    "header_text",
    "is_sent_again",
    "may_hide",
    "parse_headers",
    "recognise_mail",
    "recognise_station",
    "recognise_tag",
    "subject_may_fit",
    "tag_names",
]

RECOGNISER = 5
"""Raised whenever this package reads the same evidence otherwise, so that sources are read again."""
