"""A tag is a release of the project, or why it is none."""

import re
from dataclasses import dataclass

from rctrack.core import expression
from rctrack.core.evidence import Sighting, TagEvidence
from rctrack.core.release import TagObservation, Unrecognised
from rctrack.core.rules import ProjectRules
from rctrack.core.version import Version, parse_version

_PLACE = re.compile(r"\{(\w+?)(\+1)?\}")
"""In the version of an alias."""
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
    spelled = _spelled(rules, evidence.tag)
    if spelled is None:
        return Unrecognised(evidence.tag, evidence.tag, "fits no tag template of the project")
    version = parse_version(rules.scheme, _WITHDRAWN.sub("", spelled))
    if version is None:
        return Unrecognised(evidence.tag, evidence.tag, f"{spelled[:80]!r} is no version of the scheme {rules.scheme}")
    if not (rules.candidates or version.is_final):
        return Unrecognised(evidence.tag, evidence.tag, f"{version.text} is a candidate, and the project makes none")
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


def tag_names(rules: ProjectRules, version: Version) -> tuple[str, ...]:
    """What the tag of a version may be called, by the project's templates in their order and with its separator."""
    numbers, candidate = version.base, version.text.removeprefix(version.base)
    spelled = numbers.replace(".", rules.separator) + candidate
    return tuple(template.replace("{version}", spelled) for template in rules.tag_templates)


def _spelled(rules: ProjectRules, tag: str) -> str | None:
    """How the tag spells its version, with dots; None where it fits neither an alias nor a template."""
    for alias in rules.aliases:
        if numbers := expression.search(alias.tag, tag):
            return _PLACE.sub(lambda place: str(int(numbers[place[1]]) + (place[2] is not None)), alias.version)
    spelled = next((text for template in rules.tag_templates if (text := _fill(template, tag))), None)
    if spelled is None or rules.separator == ".":
        return spelled
    return re.sub(rf"^[vV]?\d+(?:{rules.separator}\d+)+", lambda run: run[0].replace(rules.separator, "."), spelled)


def _fill(template: str, tag: str) -> str | None:
    """What stands for {version} where the tag fits the template."""
    before, _, after = template.partition("{version}")
    fits = tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after)
    return tag[len(before) : len(tag) - len(after)] if fits else None
