"""What a failure of git means, in the words that all sources share.

Git keeps the status of an answer over HTTP, where it leads and its Retry-After to itself, and words its complaints
differently from version to version. So where it fails, the host is asked once more what git asks first.
"""

import re
from dataclasses import replace

from rctrack.core.look import Outcome
from rctrack.process import ProcessError
from rctrack.sources.gitstore.repository import QUICK, local_path
from rctrack.sources.protocol import Failed, Tools, web_failure
from rctrack.web import WebError, outcome_of

_QUESTION = "/info/refs?service=git-upload-pack"
_SMART = "application/x-git-upload-pack-advertisement"
_DUMB = ("text/plain", "application/octet-stream", "")
"""What a server of files calls a list of refs."""
_REFS = re.compile(rb"[0-9a-f]{4}(?:# service=git-upload-pack|version [12])|[0-9a-f]{40}(?:[0-9a-f]{24})?\t")
"""How a list of refs begins; nothing at all is no list."""
_STATUS = re.compile(r"(?:returned error: |HTTP |http resp )([345]\d\d)\b")
_NAMES_A_PROGRAM = re.compile(r"^(?:git|python[\d.]*): (?:fatal: )?(?:unable to access '[^']*': )?")
_MEANINGS: tuple[tuple[str, Outcome, str], ...] = (
    (r"dubious ownership|safe\.directory", Outcome.MISREAD, ""),
    (r"transport '\w+' not allowed", Outcome.MISREAD, ""),
    (
        r"permission denied \(|publickey|could not read username|authentication failed",
        Outcome.MISREAD,
        "the host does not know us: give an address that needs no key, or this user a key without a passphrase",
    ),
    (r"host key verification failed", Outcome.MISREAD, "type `ssh HOST` once as this user, and take the host's key"),
    (
        r"not found|does not exist|no such file|not appear to be a git repository|is no git repository|not exported",
        Outcome.MISREAD,
        "there is no such repository, or it is not for us: check url",
    ),
    (
        r"dumb http transport",
        Outcome.MISREAD,
        'the host only serves files (dumb HTTP): it cannot send a part of a history; set history = "all" for counts',
    ),
    (r"connection refused", Outcome.REFUSED, ""),
    (
        r"could not resolve|couldn't resolve|failed to connect|couldn't connect|unable to connect|timed out"
        r"|no end within|network is unreachable|no route to host|connection reset|empty reply|name or service not known"
        r"|operation too slow|temporary failure in name resolution|unable to look up|ssl|tls|certificate|gnutls",
        Outcome.NO_ANSWER,
        "",
    ),
)
"""What git, ssh and dulwich say: an expression, the word for it, and what to do; the first that fits counts."""
_NO_GIT = re.compile(r"not valid:.*is this a git repository|invalid .*response|protocol error", re.IGNORECASE)
"""What they say of an answer that is none of git's; of one that breaks off too."""


class Refusal(ProcessError):
    """What git did was well, and what it showed is not what was asked for."""

    def __init__(self, answer: Failed) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def failed(error: ProcessError, url: str, tools: Tools) -> Failed:
    """Returns the answer that a failure of git at this address comes to, with what to do about it."""
    if isinstance(error, Refusal):
        return error.answer
    words = _NAMES_A_PROGRAM.sub("", str(error))
    if (path := local_path(url)) is not None:
        return _failed_here(words, str(path))
    address = real_address(url, tools)
    by_words = _meaning(words, url)
    if not address.startswith(("http://", "https://")):
        answer = by_words or _unknown(words, url)
    else:
        by_host = questioned(address, tools)
        if by_host is not None and (by_host.outcome.is_reached or by_words is None):
            answer = by_host
        else:  # a host that speaks git, or one that git may reach in a way of its own, through a proxy say
            answer = by_words or Failed(Outcome.ERROR, f"{url}: {words}")
    if address == url:
        return answer
    return replace(answer, reason=f"{answer.reason}; your git makes {address} of {url} (`git config url.….insteadOf`)")


def in_words(error: ProcessError, url: str) -> str:
    """The reason of a failure by git's own words alone: nobody is asked."""
    words = _NAMES_A_PROGRAM.sub("", str(error))
    return (_meaning(words, url) or _unknown(words, url)).reason


def questioned(address: str, tools: Tools) -> Failed | None:
    """What a host of HTTP says to git's first question where git cannot read it; None where it can, or cannot ask."""
    if not address.startswith(("http://", "https://")):
        return None
    url = f"{address}{_QUESTION}"
    try:
        page = tools.web.ask(url, (_SMART, *_DUMB), {"Git-Protocol": "version=2"})
        if not _REFS.match(page.content):
            raise WebError(f"{url}: answered with something that is no list of refs", Outcome.MISREAD, page)
    except WebError as error:
        return _refused(error, address)
    return None


def real_address(url: str, tools: Tools) -> str:
    """The address that the user's own git asks for this one (url.insteadOf)."""
    try:
        said = tools.runner.run(["git", "ls-remote", "--get-url", "--", url], timeout=QUICK)
    except ProcessError:
        return url
    return said.decode("utf-8", "replace").strip() or url


def _refused(error: WebError, address: str) -> Failed:
    """The same answer in words for whoever gave the address of a repository."""
    answer, page = web_failure(error), error.page
    if page is None or answer.outcome in (Outcome.BLOCKED, Outcome.ERROR, Outcome.NO_ANSWER):
        reason = answer.reason.replace(_QUESTION, "")
    elif page.location and answer.outcome is Outcome.MOVED:
        reason = f"{address}: moved to {page.location.removesuffix(_QUESTION)[:200]}; change url"
    elif page.location:
        reason = f"{address}: answered {page.status}, sends us to {page.location[:200]}; if it has moved, change url"
    elif page.status in (401, 404):
        reason = f"{address}: answered {page.status}, there is no such repository, or it is not for us; check url"
    elif answer.outcome is Outcome.MOVED:
        reason = f"{address}: answered {page.status}, it is gone; find where it is now, and change url"
    else:
        shown = page.media_type[:60] or "something else"
        reason = f"{address}: answered with {shown}, not as git does; check url: it is to be what `git clone` takes"
    return replace(answer, reason=reason)


def _meaning(words: str, url: str) -> Failed | None:
    """What git's own words mean; None where we know no meaning of them."""
    if (status := _STATUS.search(words)) is not None:
        return Failed(outcome_of(int(status[1])), f"{url}: {words}")
    for expression, outcome, what_to_do in _MEANINGS:
        if re.search(expression, words, re.IGNORECASE):
            return Failed(outcome, f"{url}: {words}" + (f"; {what_to_do}" if what_to_do else ""))
    return None


def _unknown(words: str, url: str) -> Failed:
    """The same of words whose meaning nobody else can tell."""
    if _NO_GIT.search(words):
        return Failed(Outcome.MISREAD, f"{url}: {words}; check url: it is to be what `git clone` takes")
    return Failed(Outcome.ERROR, f"{url}: {words}")


def _failed_here(words: str, path: str) -> Failed:
    """The same for a repository on this machine: there is nobody else to blame."""
    if re.search(r"dubious ownership|safe\.directory", words, re.IGNORECASE):
        reason = "belongs to somebody else, so git does not read it; if you trust it, type"
        return Failed(Outcome.MISREAD, f"{path}: {reason} `git config --global --add safe.directory {path}`")
    named = words if path in words else f"{path}: {words}"
    return Failed(Outcome.BLOCKED if "permission denied" in words.lower() else Outcome.MISREAD, named)
