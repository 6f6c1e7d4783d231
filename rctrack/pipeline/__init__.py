"""One turn: poll() a source, watch() the clock, deliver() what is owed; the life of an observation, top to bottom.

1. `poll`: one look at one source, with no transaction open. What it brings is evidence; what that means is folded,
   stored and owed in one transaction.
2. `watch`: a look at the clock. How hosts do and what is late is read by `standing`, recorded, and owed where it is
   news.
3. `letters` and `digest`: each owed mail is written once and sent until it is gone.
"""

from collections.abc import Callable, Iterable, Sequence

from rctrack.config import ProjectConfig
from rctrack.core.look import host_of
from rctrack.pipeline import digest
from rctrack.pipeline.letters import deliver
from rctrack.pipeline.polling import fingerprint_of, poll, rebuild
from rctrack.pipeline.turn import Releases, Reviewed, Turn, releases_of
from rctrack.pipeline.watching import Seen, watch
from rctrack.sources import Failed

__all__ = [
    "Releases",
    "Reviewed",
    "Seen",
    "Turn",
    "deliver",
    "digest",
    "fingerprint_of",
    "poll",
    "poll_all",
    "rebuild",
    "releases_of",
    "seems_offline",
    "watch",
]


def poll_all(
    turn: Turn, projects: Iterable[ProjectConfig], said: Callable[[Reviewed], None], *, silent: bool = False
) -> list[Reviewed]:
    """One look at every source of the projects, one after the other; `said` hears of each as it ends."""
    reviewed = []
    for project in projects:
        for source in project.sources:
            reviewed.append(poll(turn, project, source, silent=silent))
            said(reviewed[-1])
    return reviewed


def seems_offline(reviewed: Sequence[Reviewed]) -> bool:
    """Whether no host answered at all: then it is us, and nobody else is accused."""
    remote = [each for each in reviewed if host_of(each.source)]
    return bool(remote) and all(
        isinstance(each.outcome, Failed) and not each.outcome.outcome.is_reached for each in remote
    )
