"""A tag is a release of the project, or why it is none."""

import re
from dataclasses import dataclass

from rctrack.core import expression
from rctrack.core.evidence import Sighting, TagEvidence
from rctrack.core.release import TagObservation, Unrecognised
from rctrack.core.rules import ProjectRules
from rctrack.core.version import parse_version

_WITHDRAWN = re.compile(r"-(?:dont-?use|do-not-use|broken|withdrawn)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ignored:
    """The tag is no release and no oddity: the project file says so."""


def recognise_tag(
    rules: ProjectRules, evidence: TagEvidence, sighting: Sighting
) -> TagObservation | Unrecognised | Ignored:
    """The release that a tag names, or why it names none; never an exception."""
    if rules.ignore_tags and expression.search(rules.ignore_tags, evidence.tag):
        return Ignored()
    spelled = next((text for template in rules.tag_templates if (text := _fill(template, evidence.tag))), None)
    if spelled is None:
        return Unrecognised(evidence.tag, evidence.tag, "fits no tag template of the project")
    version = parse_version(rules.scheme, _WITHDRAWN.sub("", spelled))
    if version is None:
        return Unrecognised(evidence.tag, evidence.tag, f"{spelled[:80]!r} is no version of the scheme {rules.scheme}")
    if evidence.commit is None:
        return Unrecognised(evidence.tag, evidence.tag, "leads to no commit")
    return TagObservation(
        version=version,
        tag=evidence.tag,
        object_id=evidence.object_id,
        commit=evidence.commit,
        tagged=evidence.tagged,
        withdrawn=_WITHDRAWN.search(spelled) is not None,
        sighting=sighting,
    )


def _fill(template: str, tag: str) -> str | None:
    """What stands for {version} where the tag fits the template."""
    before, _, after = template.partition("{version}")
    fits = tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after)
    return tag[len(before) : len(tag) - len(after)] if fits else None
