"""Who wrote a mail, where a list or a relay had to put another address into From."""

import pytest

from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import recognise_mail
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ListRules
from tests.support.given import LIST, sighting

RULES = ListRules(frozenset({"kim.maker@example.org"}), r"^\[ANNOUNCE\] demo v(?P<version>\S+)", (), None)
SEEN = sighting(LIST, "2031-06-01 00:00")
KIM = "Kim Maker <kim.maker@example.org>"
VIA = "From: Kim Maker via Demo <demo@lists.example.net>"
NO_REPLY = "Reply-To: demo@lists.example.net"
GROUPS = "From: Kim via groups.io <kim.maker=example.org@groups.io>"
LIST_HEADERS = "To: demo@lists.example.net\nList-Id: Demo <demo.lists.example.net>"


def read(headers: str) -> Announcement | Unrecognised | None:
    """What an announcement with these headers is recognised as."""
    content = f"{headers}\nSubject: [ANNOUNCE] demo v1.0\nMessage-ID: <a@b>\n\nout\n".encode()
    return recognise_mail(RULES, "dotted", MailEvidence("key", content, None), SEEN)


@pytest.mark.parametrize(
    "headers",
    [
        f"From: Kim via B4 Relay <devnull+kim.maker.example.org@kernel.org>\nX-Original-From: {KIM}",
        f"From: Kim via B4 Relay <devnull+kim.maker.example.org@kernel.org>\nReply-To: {KIM}",
        f"{GROUPS}\nReply-To: demo@groups.io,{KIM}\nTo: demo@groups.io",
        f"From: kim.maker=40example.org@dmarc.lists.example.net\nX-Original-From: {KIM}\n{LIST_HEADERS}",
        f"From: Kim via Demo <demo@lists.example.net>\nReply-To: {KIM}\n{LIST_HEADERS}",
        f"{VIA}\nX-Original-Sender: {KIM}\n{NO_REPLY}\n{LIST_HEADERS}",
        f"From: demo-request@lists.example.net\nX-Original-From: {KIM}\n{LIST_HEADERS}",
        f"From: demo-bounces+kim=x@lists.example.net\nX-Original-From: {KIM}\n{LIST_HEADERS}",
        f"From: demo-owner@lists.example.net\nReply-To: {KIM}\nList-Post: <mailto:demo@lists.example.net>",
        "From: Kim Maker <kim.maker@example.org.invalid>\nTo: demo@lists.example.net",
        f"From: Kim Maker <KIM.Maker@Example.org.INVALID>\nX-Original-From: {KIM}",
        f"{VIA}\n{NO_REPLY}\nCc: {KIM}\n{LIST_HEADERS}",
        f'From: "Kim Maker via Demo" <demo@lists.example.net>\nCc: Sam <s@example.net>, {KIM}\n{LIST_HEADERS}',
        f"{VIA.replace('Kim Maker via Demo', '=?utf-8?q?Kim_Maker_via_Demo?=')}\nCc: {KIM}\n{LIST_HEADERS}",
        f"From: Kim Maker via Demo <demo@lists.example.net>\nCc: {KIM}\nTo: demo@lists.example.net",
    ],
)
def test_the_announcer_is_found_behind_a_relay(headers: str) -> None:
    """By a header that agrees with the address in From."""
    reading = read(headers)
    assert isinstance(reading, Announcement), reading
    assert reading.sender == "kim.maker@example.org"


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        (f"From: <devnull+sam.example.org@kernel.org>\nX-Original-From: {KIM}", "devnull+sam.example.org@kernel.org"),
        (f"From: <devnull+kim.maker.example.org@evil.example>\nReply-To: {KIM}", "devnull+kim.maker.example.org@evil"),
        ("From: <devnull+kim.maker.example.org@kernel.org>", "devnull+kim.maker.example.org@kernel.org"),
        (f"From: <sam=example.org@groups.io>\nReply-To: {KIM}\nTo: demo@groups.io", "sam=example.org@groups.io"),
        ("From: <kim.maker=example.org@groups.io>\nTo: demo@groups.io", "kim.maker=example.org@groups.io"),
        (f"From: Sam <sam@example.net>\nReply-To: {KIM}\n{LIST_HEADERS}", "sam@example.net"),
        (f"From: Sam via Demo <demo@lists.example.net>\nCc: {KIM}\n{LIST_HEADERS}", "demo@lists.example.net"),
        (f"From: Kim Maker via Demo <sam@example.net>\nCc: {KIM}\n{LIST_HEADERS}", "sam@example.net"),
        (f"From: demo-request@evil.example\nX-Original-From: {KIM}\n{LIST_HEADERS}", "demo-request@evil.example"),
        (f"From: <demo@lists.example.net>\nCc: {KIM}\n{LIST_HEADERS}", "demo@lists.example.net"),
        (f"From: Sam <sam@example.invalid>\nReply-To: {KIM}", "sam@example.invalid"),
    ],
)
def test_a_stranger_is_not_taken_for_the_announcer(headers: str, who: str) -> None:
    """Where the headers do not agree, or the address is no relay's and no list's."""
    reading = read(headers)
    assert isinstance(reading, Unrecognised), reading
    assert reading.reason.startswith(who)
    assert reading.reason.endswith("does not announce this project")
