"""Mail addresses as they go over the wire and into a header."""

import re
from typing import Final

# Stricter than RFC 5322 (no quoted local part, no comments): what is left means the same to everybody who parses it.
_MAILBOX: Final = re.compile(r"(?P<name>[^<>]*)<(?P<angle>[^<>]*)>|(?P<bare>[^<>]*)")
_LOCAL: Final = re.compile(r'[^\s@<>"(),:;\\\[\]]+')
_DOMAIN: Final = re.compile(r"[a-zA-Z0-9._-]+|\[[a-zA-Z0-9:.]+\]")


def bare_address(mailbox: str) -> str:
    """The address in `Name <address>` or `address`, its domain in ASCII; empty where there is no usable one."""
    found = _MAILBOX.fullmatch(mailbox.strip())
    if found is None or not mailbox.isprintable():  # a line break here would be a second SMTP command
        return ""
    local, _, domain = (found["angle"] or found["bare"] or "").strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return f"{local}@{domain}" if _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) else ""


def display_name(mailbox: str) -> str:
    """The name in `Name <address>` without its quotes; empty where there is none."""
    found = _MAILBOX.fullmatch(mailbox.strip())
    return (found["name"] or "").strip().strip('"') if found else ""
