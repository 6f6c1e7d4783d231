"""Who wrote a mail: in From, or behind the address that a list or a relay had to write there (DMARC)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rctrack.core.recognise.headers import Headers, addresses, addresses_in, header_text, mailboxes

_ORIGINAL = ("X-Original-From", "X-Original-Sender", "Reply-To")
_RELAY = re.compile(r"devnull\+([^@]{1,200})@kernel\.org")
"""As b4's web endpoint writes From: the dots are those of the address, or its @."""
_LIST_PARTS = r"(?:-(?:request|bounces?|owner|admin|confirm|return))?(?:\+[^@]*)?"
_VIA = re.compile(r"\s+via\s+.*$", re.IGNORECASE | re.DOTALL)
_INVALID = ".invalid"


@dataclass(frozen=True, slots=True)
class _List:
    """What a mail's own headers say of the list that brought it."""

    identity: str
    """Its List-Id, "demo.lists.example.org"; empty where there is none."""
    posts: frozenset[str]
    """Addresses that take mail for it."""


def senders(headers: Headers) -> tuple[str, ...]:
    """The addresses that may have written the mail, in lower case, the likeliest first.

    Those in From; where a list or a relay put its own address there, those that its other headers give, as far as they
    agree with that address.
    """
    written = addresses(headers, "From")
    read: list[str] = []
    for address in written:
        read += _behind(address, headers) or [address]
    return tuple(dict.fromkeys(read))


def _behind(address: str, headers: Headers) -> list[str]:
    """Who wrote under an address that is a relay's or a list's; nobody where it is neither or does not say it."""
    if address.endswith(_INVALID):
        return [address.removesuffix(_INVALID)]
    original = [other for name in _ORIGINAL for other in addresses(headers, name)]
    if relayed := _RELAY.fullmatch(address):
        return [other for other in original if other.replace("@", ".") == relayed[1].replace("@", ".")]
    if spelled := _spelled_in(address):
        return [spelled] if spelled in original else []
    mailing_list = _list_of(headers)
    if not _is_of_list(address, mailing_list, headers):
        return []
    others = [other for other in original if not _is_of_list(other, mailing_list, headers)]
    return others or list(_copied(headers))


def _spelled_in(address: str) -> str | None:
    """The address that a list spelled into its own: maker=example.org@groups.io, maker=40example.org@dmarc.…"""
    local, _, _ = address.rpartition("@")
    user, mark, domain = local.rpartition("=")
    if not mark or "." not in domain:
        return None
    return f"{user}@{domain.removeprefix('40')}"


def _copied(headers: Headers) -> Iterator[str]:
    """The address in Cc that has the name which From has before "via": Mailman's where replies go to the list."""
    name = _VIA.sub("", _name(header_text(headers, "From", 500)))
    for shown, address in mailboxes(headers, "Cc"):
        if name and _name(shown).lower() == name.lower():
            yield address


def _name(shown: str) -> str:
    return shown.partition("<")[0].strip(" \t\"'")


def _list_of(headers: Headers) -> _List:
    identity = header_text(headers, "List-Id", 500).lower()
    named = re.search(r"<([^<>\s]+)>", identity)
    posts = headers.all("List-Post") + headers.all("X-Mailing-List")
    taking = [address for text in posts[:5] for address in addresses_in(text[:1000].replace("mailto:", ""))]
    return _List(named[1] if named else "", frozenset(taking))


def _is_of_list(address: str, mailing_list: _List, headers: Headers) -> bool:
    """Whether an address is the list's own, or one that its software writes as."""
    local, _, domain = address.partition("@")
    bare = re.sub(f"{_LIST_PARTS}$", "", local)
    if mailing_list.identity in (f"{local}.{domain}", f"{bare}.{domain}"):
        return True
    if {address, f"{bare}@{domain}"} & mailing_list.posts:
        return True
    is_via = re.search(r"\bvia\b", header_text(headers, "From", 500).rpartition("<")[0]) is not None
    return is_via and address in addresses(headers, "To") + addresses(headers, "Cc")
