"""The manifest of an inbox (grokmirror's manifest.js.gz): which epochs it has, and whether anything has changed."""

import gzip
import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rctrack.core.look import Outcome
from rctrack.sources.protocol import Tools
from rctrack.web import WebError

_MOST_BYTES = 2**20
_EPOCH = re.compile(r"/git/(\d{1,4})\.git$")
_WANTED = ("application/gzip", "application/x-gzip", "application/json", "application/javascript", "text/plain")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an inbox says of its repositories."""

    newest_at: datetime | None
    """When the youngest of them was changed; None where it does not say."""
    fingerprint: str
    """Changes with any of them; empty where it does not say."""
    epochs: tuple[int, ...]
    """Their numbers, ascending; none of an inbox of format 1."""


def ask_manifest(url: str, tools: Tools) -> Manifest | None:
    """The manifest of the inbox at this address; None where it has none that can be read.

    WebError where the host gives no answer or no service, or blocks us: then nothing else need be asked.
    """
    try:
        page = tools.web.get(f"{url}/manifest.js.gz", (*_WANTED, "application/octet-stream"), most=_MOST_BYTES)
    except WebError as error:
        is_of_host = str(error).startswith(url)  # and not where it may have sent us
        if error.outcome in (Outcome.NO_ANSWER, Outcome.REFUSED) and is_of_host:
            raise
        return None  # what is wrong, if anything is, whatever is asked next tells better
    return read_manifest(page.content)


def read_manifest(content: bytes) -> Manifest | None:
    """What a manifest says; None where it is none."""
    try:
        with gzip.open(io.BytesIO(content)) as unpacked:
            manifest = json.loads(unpacked.read(_MOST_BYTES))
    except (OSError, EOFError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or not manifest:
        return None
    rows = {str(path): row for path, row in manifest.items() if isinstance(row, dict)}
    prints = sorted((path, str(row["fingerprint"])) for path, row in rows.items() if row.get("fingerprint"))
    return Manifest(
        newest_at=_newest(rows),
        fingerprint=hashlib.sha256(repr(prints).encode()).hexdigest()[:16] if prints else "",
        epochs=tuple(sorted(int(number[1]) for path in rows if (number := _EPOCH.search(path)))),
    )


def _newest(rows: Mapping[str, Mapping[str, Any]]) -> datetime | None:
    changed = [row["modified"] for row in rows.values() if type(row.get("modified")) is int]
    try:
        return datetime.fromtimestamp(max(changed), UTC) if changed else None
    except (ValueError, OverflowError, OSError):
        return None
