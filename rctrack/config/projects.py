"""A project file: how a project announces and tags, and where."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from rctrack.config.kinds import LISTS, SITES, TAGS, ListingConfig
from rctrack.config.table import ConfigError, Table, relative
from rctrack.core.evidence import ProjectId, SourceId
from rctrack.core.expression import objection
from rctrack.core.rules import Alias, Era, ListRules, ProjectRules
from rctrack.core.subject_words import needed_words
from rctrack.core.version import SCHEMES, FeatureParts, parse_version

VGER_SERVERS = ("vger.kernel.org", "smtp.subspace.kernel.org", "lindbergh.monkeyblade.net")
"""The hosts that have taken mail for the kernel.org lists, by era."""
EXPECTED = ("tag", "announcement")


UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class TagsConfig:
    """A git repository whose tags are followed, or the pages of a forge that show them."""

    url: str
    is_primary: bool
    kind: str = "git"

    @property
    def source(self) -> SourceId:
        return SourceId(f"{'tags' if self.kind == 'git' else self.kind} {self.url}")


@dataclass(frozen=True, slots=True)
class ListConfig:
    """A list archive that is followed."""

    kind: str
    url: str
    rules: ListRules

    @property
    def source(self) -> SourceId:
        return SourceId(f"{self.kind} {self.url}")


SourceConfig = TagsConfig | ListConfig | ListingConfig


@dataclass(frozen=True, slots=True)
class SigningConfig:
    """Whose signatures a project's tags are expected to have."""

    keys: frozenset[str]
    """Fingerprints in upper case; empty for every key of the keyring."""
    keyring: Path | None
    """Public keys, armoured or not."""
    allowed_signers: Path | None
    """For SSH, as ssh-keygen reads it."""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """One project file."""

    id: ProjectId
    name: str
    rules: ProjectRules
    keeps_history: bool
    """Whether the whole history of commits is kept, or only the cycle at hand is counted."""
    verified: bool
    tags: tuple[TagsConfig, ...]
    lists: tuple[ListConfig, ...]
    path: str
    """The file it was read from, for people."""
    timezone: ZoneInfo = UTC
    """In which the days of its cadence are counted."""
    signing: SigningConfig | None = None
    """None where signatures are not looked at."""
    listings: tuple[ListingConfig, ...] = ()

    @property
    def sources(self) -> tuple[SourceConfig, ...]:
        return (*self.lists, *self.tags, *self.listings)


def read_project(stem: str, path: Path) -> ProjectConfig:
    table = Table.read(path)
    scheme = table.choice("scheme", tuple(SCHEMES), None)
    tags = tuple(read_tags(each, path) for each in table.tables("tags"))
    candidates = table.flag("candidates", default=True)
    lists = tuple(read_list(each, path, candidates=candidates) for each in table.tables("lists"))
    templates = table.texts("tag", ["v{version}"])
    if any(template.count("{version}") != 1 for template in templates):
        table.fail("tag", templates, 'a template with {version} in it, like "v{version}"')
    project = ProjectConfig(
        id=ProjectId(stem),
        name=table.text("name", stem),
        rules=ProjectRules(
            scheme=scheme,
            feature_parts=_feature_parts(table),
            tag_templates=tuple(templates),
            ignore_tags=table.regex("ignore_tags"),
            primaries=frozenset(each.source for each in tags if each.is_primary),
            expects=frozenset(_expects(table)),
            tags_are_pruned=table.flag("tags_are_pruned", default=False),
            separator=table.choice("separator", (".", "-", "_"), "."),
            aliases=_aliases(table),
            candidates=candidates,
        ),
        keeps_history=table.choice("history", ("all", "cycle"), "all") == "all",
        verified=table.flag("verified", default=False),
        timezone=_cadence(table.table("cadence")),
        tags=tags,
        lists=lists,
        path=str(path),
        signing=_signing(table.table("signing"), path) if "signing" in table.values else None,
        listings=tuple(read_listing(each, path) for each in table.tables("listings")),
    )
    table.finish()
    if not project.lists and not project.tags:
        raise ConfigError(f"{path}: found neither [[tags]] nor [[lists]]; a project needs at least one of them")
    twice = [each.source for each in project.sources]
    if len(set(twice)) < len(twice):
        raise ConfigError(f"{path}: the same source is named twice; each url once per kind")
    return project


def _cadence(table: Table) -> ZoneInfo:
    zone = table.zone("timezone")
    table.finish()
    return zone


def _feature_parts(table: Table) -> FeatureParts:
    wanted = 'a number, or a table of first version and number, like { "0" = 3, "2.0" = 2 }'
    found = table.take("feature_parts", 2)
    eras = found if isinstance(found, dict) else {"0": found}
    parsed = []
    for since, parts in eras.items():
        if (
            not re.fullmatch(r"\d+(\.\d+)*", since)
            or isinstance(parts, bool)
            or not isinstance(parts, int)
            or parts < 1
        ):
            table.fail("feature_parts", found, wanted)
        first = parse_version("dotted", since)
        if first is None:
            table.fail("feature_parts", found, wanted)
        parsed.append((first.numbers, parts))  # as versions compare: 2.0 begins with 2, not behind it
    parsed.sort()
    if not parsed:
        table.fail("feature_parts", found, wanted)
    return FeatureParts((((), parsed[0][1]), *parsed[1:]))


def _aliases(table: Table) -> tuple[Alias, ...]:
    """Each with its tag as a regular expression; those that are one tag's whole name come first."""
    wanted = 'a table of tag and version, like { "v{a}.{b}.9{rc}" = "{a}.{b+1}-rc{rc}" }'
    named = table.take("aliases", {})
    if not isinstance(named, dict) or not all(isinstance(version, str) for version in named.values()):
        table.fail("aliases", named, wanted)
    aliases = []
    for tag, version in sorted(named.items(), key=lambda alias: "{" in alias[0]):
        form = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d{1,9})", re.escape(tag))
        form = rf"^{form}\Z"
        if wrong := objection(form):
            table.fail("aliases", tag, f"{wanted} ({wrong})")
        if set(re.findall(r"\{(\w+?)(?:\+1)?\}", version)) - set(re.compile(form).groupindex):
            table.fail("aliases", version, f"{wanted}, with the numbers of {tag!r} alone")
        aliases.append(Alias(form, version))
    return tuple(aliases)


def _expects(table: Table) -> list[str]:
    stations = table.texts("expects", [])
    if set(stations) - set(EXPECTED):
        table.fail("expects", stations, " and/or ".join(f'"{station}"' for station in EXPECTED))
    return stations


def _signing(table: Table, path: Path) -> SigningConfig:
    keys = frozenset(key.replace(" ", "").upper() for key in table.texts("keys", []))
    if any(not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", key) for key in keys):
        table.fail("keys", sorted(keys), "whole fingerprints of 40 or 64 hexadecimal digits")
    keyring, allowed = table.text("keyring", ""), table.text("allowed_signers", "")
    if not keys and not keyring and not allowed:
        table.fail("keyring", None, "a file of public keys, allowed_signers, or keys")
    table.finish()
    return SigningConfig(
        keys, relative(path, keyring) if keyring else None, relative(path, allowed) if allowed else None
    )


def read_tags(table: Table, path: Path) -> TagsConfig:
    kind = table.choice("kind", tuple(TAGS), "git")
    url = TAGS[kind](table, path)
    role = table.choice("role", ("primary", "mirror"), "primary")
    table.finish()
    return TagsConfig(url, role == "primary", kind)


def read_listing(table: Table, path: Path) -> ListingConfig:
    listing = SITES[table.choice("kind", tuple(SITES), None)](table, path)
    table.finish()
    return listing


def read_list(table: Table, path: Path, *, candidates: bool = True) -> ListConfig:
    name = table.choice("kind", tuple(LISTS), None)
    kind = LISTS[name]
    url = kind.address(table, path)
    senders, eras = _senders(table)
    body = table.regex("body")
    if body is not None and "version" not in re.compile(body).groupindex:
        table.fail("body", body, "a regular expression with the named group (?P<version>…)")
    subject = _subject(table, names_version=body is None)
    if kind.is_searched and not needed_words(subject):
        wanted = "one with a whole word that is always there, like 'linux' in '(?i)^linux (?P<version>\\S+)'"
        table.fail("subject", subject, f"{wanted}, in each alternative: this archive is searched by it")
    rules = ListRules(
        senders=senders,
        subject=subject,
        servers=tuple(host.lower() for host in table.texts("server", list(VGER_SERVERS))),
        link=f"{url}/{{message_id}}/" if url.startswith("http") and kind.has_links else None,
        eras=eras,
        name=url.rpartition("/")[2].partition("@")[0].lower(),
        body=body,
        replies=table.flag("replies", default=False),
        candidates=candidates,
    )
    table.finish()
    return ListConfig(name, url, rules)


def _subject(table: Table, *, names_version: bool) -> str:
    """One regular expression for all of the list; the groups of the second one are called version2, and so on."""
    patterns = table.texts("subject", [])
    wanted = "a regular expression with the named group (?P<version>…), or a list of them"
    if not patterns:
        table.fail("subject", None, wanted)
    for pattern in patterns:
        if wrong := objection(pattern):
            table.fail("subject", pattern, f"{wanted} ({wrong})")
        if names_version and "version" not in re.compile(pattern).groupindex:
            table.fail("subject", pattern, f"{wanted}; or body, where the versions stand there")
    if len(patterns) == 1:
        return patterns[0]
    numbered = [patterns[0]]
    numbered += [each.replace("(?P<version>", f"(?P<version{i}>") for i, each in enumerate(patterns[1:], 2)]
    joined = "|".join(f"(?:{each})" for each in numbered)
    if wrong := objection(joined):
        table.fail("subject", patterns, f"expressions that can be joined, without flags of their own ({wrong})")
    return joined


def _senders(table: Table) -> tuple[frozenset[str], frozenset[Era]]:
    """The addresses that may announce, and when those of an era could."""
    wanted = 'addresses, or tables like { address = "kim@example.org", until = 2003-06-30 }'
    found = table.take("from", [])
    addresses, eras = set(), set()
    for each in [found] if isinstance(found, str) else found if isinstance(found, list) else []:
        era = {"address": each} if isinstance(each, str) else each
        if not isinstance(era, dict) or not isinstance(era.get("address"), str) or "@" not in era["address"]:
            table.fail("from", each, wanted)
        days = [era.get(key) for key in ("since", "until")]
        if set(era) - {"address", "since", "until"} or any(day is not None and type(day) is not date for day in days):
            table.fail("from", each, wanted)
        addresses.add(era["address"].lower())
        if any(days):
            eras.add(Era(era["address"].lower(), *days))
    if not addresses:
        table.fail("from", found or [], wanted)
    return frozenset(addresses), frozenset(eras)
