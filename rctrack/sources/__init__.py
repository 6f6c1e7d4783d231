"""Where evidence comes from: one protocol, one small module per kind in `kinds`, one line each in its tables."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from rctrack.config import ListConfig, ListingConfig, ProjectConfig, SourceConfig, TagsConfig
from rctrack.core.look import Outcome
from rctrack.sources.kinds import LISTS, SITES, TAGS
from rctrack.sources.protocol import (
    Answer,
    CountingSource,
    Coverage,
    Failed,
    Good,
    Progress,
    Range,
    Source,
    Tools,
)

__all__ = [
    "LISTS",
    "SITES",
    "TAGS",
    "Answer",
    "CountingSource",
    "Coverage",
    "Failed",
    "Good",
    "Progress",
    "Range",
    "Source",
    "Tools",
    "open_counting",
    "open_source",
    "probe_source",
]


def open_source(config: SourceConfig, project: ProjectConfig, tools: Tools) -> Source:
    """The source that a configuration describes, or its recording; nothing is asked of it yet."""
    if tools.recorded is not None:
        return tools.recorded(config)
    match config:
        case TagsConfig():
            return TAGS[config.kind](config, project, tools)
        case ListConfig():
            return LISTS[config.kind](config, project, tools)
        case ListingConfig():
            return SITES[config.kind](config, project, tools)


def open_counting(config: TagsConfig, project: ProjectConfig, tools: Tools) -> CountingSource | None:
    """The same for a repository in which commits are to be counted; None where that cannot be."""
    if tools.recorded is not None:
        return None
    source = TAGS[config.kind](config, project, tools)
    return source if isinstance(source, CountingSource) else None


def probe_source(config: SourceConfig, project: ProjectConfig, tools: Tools, now: datetime) -> Answer:
    """What a look would come to, by the beginning of that very look: seconds, kilobytes, nothing copied or stored.

    Where something answers that is of another kind, the reason says which.
    """
    answer = open_source(config, project, tools.in_haste()).probe(now)
    if not isinstance(answer, Failed) or answer.outcome is not Outcome.MISREAD:
        return answer
    for other in _other_kinds(config):
        if isinstance(open_source(other, project, tools.in_haste()).probe(now), Good):
            return replace(answer, reason=f'{answer.reason}; it can be read with kind = "{other.kind}"')
    return answer


def _other_kinds(config: SourceConfig) -> Iterator[ListConfig | TagsConfig]:
    """The same address as what else it may be of its family."""
    match config:
        case ListConfig():
            yield from (replace(config, kind=name) for name in LISTS if name != config.kind)
        case TagsConfig():
            yield from (replace(config, kind=name) for name in TAGS if name != config.kind)
        case ListingConfig():
            return
