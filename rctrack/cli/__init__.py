"""The commands; the only place where the real clock, web client and process runner are made. All times are UTC."""

from rctrack.cli import following, reading, replaying
from rctrack.cli.common import main

__all__ = ["following", "main", "reading", "replaying"]
