"""The Received chain: who had the mail when, in every dialect of the list archives."""

from datetime import timedelta
from email.parser import BytesHeaderParser
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rctrack.core.evidence import Instant
from rctrack.core.received import Hop, archived, delivered, longest_wait, parse_date, read_hop, read_hops
from rctrack.core.release import LongestWait
from tests.support.given import instant

VGER = ("vger.kernel.org", "smtp.subspace.kernel.org", "lindbergh.monkeyblade.net")

DIALECTS = {
    "postfix": (
        "from out1.example (out1.example [IPv6:2001:db8::1:20])\r\n\tby Mail.Archive.example (Postfix) with ESMTP"
        " id D1935740A8D\r\n\tfor <lists@archive.example>; Wed, 28 Jun 2023 10:07:15 +0200 (CEST)",
        "mail.archive.example",
        instant("2023-06-28 08:07:15", 2),
    ),
    "postfix with TLS": (
        "from smtp.example (relay.example [192.0.2.140])"
        " (using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)) (No client certificate requested)"
        " by smtp.subspace.kernel.org (Postfix) with ESMTPS id 37A711; Tue, 12 Mar 2024 04:40:28 +0000 (UTC)",
        "smtp.subspace.kernel.org",
        instant("2024-03-12 04:40:28"),
    ),
    "majordomo": (
        "(majordomo@vger.kernel.org) by vger.kernel.org via listexpand\r\n        id S230499AbjF1IGz (ORCPT"
        " <rfc822;lists@archive.example>); Wed, 28 Jun 2023 04:06:55 -0400",
        "vger.kernel.org",
        instant("2023-06-28 08:06:55", -4),
    ),
    "zmailer": (
        'from gandalf.example ([192.0.2.76]:40343 "EHLO gandalf.example" rhost-flags-OK-OK-OK-OK)'
        " by vger.kernel.org with ESMTP id S232832AbjF1ICm; Wed, 28 Jun 2023 04:02:42 -0400",
        "vger.kernel.org",
        instant("2023-06-28 08:02:42", -4),
    ),
    "gmail": (
        "by mail-pf1-x444.google.com with SMTP id d22so3991145pfn.5\r\n"
        "        for <linux-next@vger.kernel.org>; Thu, 27 Aug 2020 10:03:54 -0700 (PDT)",
        "mail-pf1-x444.google.com",
        instant("2020-08-27 17:03:54", -7),
    ),
    "qmail's SMTP with HELO": (
        "from builder.example (HELO f64821696465) ([192.0.2.151])\r\n  by outgoing.example with ESMTP;"
        " 14 Oct 2023 00:36:10 -0700",
        "outgoing.example",
        instant("2023-10-14 07:36:10", -7),
    ),
    "exim, comments within comments": (
        "from localhost ([127.0.0.1] helo=bombadil.example) by bombadil.example with esmtp"
        " (Exim 4.92 #3 (Red Hat Linux)) id 1i1CXU-0002KF-7o; Fri, 23 Aug 2019 16:35:48 +0000",
        "bombadil.example",
        instant("2019-08-23 16:35:48"),
    ),
    "local delivery by LMTP": (
        "from mail.archive.example by archive with LMTP id gMfYL6jn (envelope-from"
        " <list+bounces-1058=archive.example@vger.kernel.org>) for <lists@archive.example>;"
        " Fri, 27 Feb 2026 01:39:04 +0100",
        "archive",
        instant("2026-02-27 00:39:04", 1),
    ),
    "a remark behind the date": (
        "from mx.example (mx.example [192.0.2.1]) by vger.example (8.8.7/8.8.7) with ESMTP id FAA1;"
        " Mon, 3 Mar 2003 05:11:13 -0500 (envelope-from <a@b.example>; helo mx (really x))",
        "vger.example",
        instant("2003-03-03 10:11:13", -5),
    ),
    "shouting, and a host with its root": (
        "FROM mx.example BY vger.example. WITH SMTP; Mon, 3 Mar 2003 05:11:13 -0500",
        "vger.example",
        instant("2003-03-03 10:11:13", -5),
    ),
    "milter, in GMT": (
        "from pps.filterd (m0333521.example [127.0.0.1]) by mx0b.example (8.18.1.2/8.18.1.2) with ESMTP id 552HJO4e;"
        " Mon, 2 Jun 2025 17:56:03 GMT",
        "mx0b.example",
        instant("2025-06-02 17:56:03"),
    ),
    "outlook": (
        "from A.outlook.example ([fe80::81b6:c39b:b3b:b56d]) by B.Outlook.example ([fe80::81b6:c39b:b3b:b56d%4])"
        " with mapi id 15.20.7698.017; Thu, 20 Jun 2024 16:03:16 +0000",
        "b.outlook.example",
        instant("2024-06-20 16:03:16"),
    ),
}


class TestHop:
    """One header is a server and an instant, or nothing."""

    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_a_dialect_is_read(self, dialect: str) -> None:
        """The `by` host in lower case, the date with the offset that it was written with."""
        header, host, taken = DIALECTS[dialect]
        hop = read_hop(header)
        assert hop is not None
        assert (hop.by, hop.taken) == (host, taken)

    @pytest.mark.parametrize(
        "header",
        [
            "from a.example (said (quietly) by vger.kernel.org) by real.example; Wed, 28 Jun 2023 10:07:15 +0000",
            "from a.example (HELO by vger.kernel.org) by real.example; Wed, 28 Jun 2023 10:07:15 +0000",
            "from by-vger.kernel.org by real.example; Wed, 28 Jun 2023 10:07:15 +0000",
        ],
    )
    def test_what_a_sender_says_of_itself_is_no_server(self, header: str) -> None:
        """A comment holds what the other side claimed."""
        hop = read_hop(header)
        assert hop is not None
        assert hop.by == "real.example"

    @pytest.mark.parametrize(
        "header",
        [
            "",
            ";",
            "by vger.kernel.org",
            "by vger.kernel.org;",
            "by vger.kernel.org; yesterday",
            "(qmail 1234 invoked by uid 500); Wed, 28 Jun 2023 10:07:15 +0000",
            "from a.example; Wed, 28 Jun 2023 10:07:15 +0000",
            "by " + "x" * 5000 + "; Wed, 28 Jun 2023 10:07:15 +0000",
        ],
    )
    def test_a_header_without_server_or_date_is_no_hop(self, header: str) -> None:
        """Also one that is longer than any server writes."""
        assert read_hop(header) is None

    @given(st.text(max_size=300))
    def test_any_text_is_a_hop_or_none(self, text: str) -> None:
        """Never an exception."""
        read_hop(text)
        parse_date(text)
        read_hop("by vger.kernel.org; " + text)


class TestDate:
    """A mail's date is an instant with its offset, or nothing."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Wed, 28 Jun 2023 10:07:15 +0200", instant("2023-06-28 08:07:15", 2)),
            ("28 Jun 2023 10:07:15 -0330", instant("2023-06-28 13:37:15", -3.5)),
            ("Wed, 28 Jun 2023 10:07 GMT", instant("2023-06-28 10:07")),
            ("Wed, 21 Dec 2005 17:34:14 EST", instant("2005-12-21 22:34:14", -5)),
            ("  Sun,  5 Sep 2021\r\n 21:21:13 -0700 (PDT)", instant("2021-09-06 04:21:13", -7)),
            ("Sat, 31 Dec 2016 23:59:60 +0000", instant("2016-12-31 23:59:59")),
            ("Wed, 28 Jun 2023 10:07:15 +1700", instant("2023-06-27 17:07:15", 17)),
            ("Wed, 28 Jun 2023 10:07:15 -0000", instant("2023-06-28 10:07:15")),
        ],
    )
    def test_a_date_is_read(self, text: str, expected: Instant) -> None:
        """Zones as numbers or by the usual names, odd ones and a leap second too."""
        assert parse_date(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Wed, 28 Jun 2023 10:07:15 +02:00", instant("2023-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 2023 10:07:15 GMT+0200", instant("2023-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 2023 10:07:15 GMT+02:00 (CEST)", instant("2023-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 2023 10:07:15 UTC-5", instant("2023-06-28 15:07:15", -5)),
            ("Wed, 28 Jun 2023 10:07:15+0530", instant("2023-06-28 04:37:15", 5.5)),
            ("Wed Jun 28 2023 10:07:15 GMT+0200 (Central European Summer Time)", instant("2023-06-28 08:07:15", 2)),
            ("2023-06-28T10:07:15+02:00", instant("2023-06-28 08:07:15", 2)),
            ("2023-06-28 10:07:15.123 +0200", instant("2023-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 2023 10:07:15 PM +0200", instant("2023-06-28 20:07:15", 2)),
            ("Wed, 28 Jun 2023 12:07 p.m. +0000", instant("2023-06-28 12:07")),
            ("Wed, 28 Jun 2023 12:07:15 AM GMT", instant("2023-06-28 00:07:15")),
            ("Wed, 28 Jun 2023 22:07:15 PM +0200", instant("2023-06-28 20:07:15", 2)),
            ("Wed, 28 Jun 23 10:07:15 +0200", instant("2023-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 99 10:07:15 +0200", instant("1999-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 123 10:07:15 +0200", instant("2023-06-28 08:07:15", 2)),
            ("Wed, 28 Jun 19123 10:07:15 +0200", instant("2023-06-28 08:07:15", 2)),
        ],
    )
    def test_a_date_in_a_form_of_somebody_s_own_is_read(self, text: str, expected: Instant) -> None:
        """Zones with a colon or behind a name, twelve hours, years that count from 1900."""
        assert parse_date(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "Thu, 1 Jan 1970 00:00:00 +0000",
            "Wed, 28 Jun 1223 10:07:15 +0000",
            "Wed, 28 Jun 2223 10:07:15 +0000",
            "Wed, 28 Jun 20230 10:07:15 +0000",
            "",
            "yesterday",
            "Wed",
            "1 2 3",
            "Sun, 30 Feb 2020 10:00:00 +0000",
            "99 Jan 2020 10:00:00 +0000",
            "Wed, 1 Jan 2020 99:00:00 +0000",
            "1 Jan 99999 00:00:00 +0000",
            "31 Dec 9999 23:59:59 -2300",
            "Wed, 28 Jun 2023 10:07:99 +0000",
            "9" * 10000,
        ],
    )
    def test_an_absurd_date_is_none(self, text: str) -> None:
        """A day that no month has is not taken for the next month's."""
        assert parse_date(text) is None

    def test_an_absurd_offset_is_not_kept(self) -> None:
        """The offset is for showing only; one of more than a day is none."""
        parsed = parse_date("Wed, 28 Jun 2023 10:07:15 +9900")
        assert parsed is not None
        assert parsed.offset == timedelta(0)


def hop(by: str, taken: str) -> str:
    """A header as Postfix writes it."""
    return f"from somewhere.example by {by} (Postfix) with ESMTP id 4Tv1; {taken} +0000"


class TestDelivered:
    """When the list's own server took the mail."""

    def test_the_last_hop_by_a_server_of_the_list_counts(self) -> None:
        """Headers are newest first: the list took it, expanded it, and only then an archive got it."""
        received = [
            hop("mail.archive.example", "Wed, 28 Jun 2023 10:30:00"),
            hop("vger.kernel.org", "Wed, 28 Jun 2023 10:20:00"),
            hop("lindbergh.monkeyblade.net", "Wed, 28 Jun 2023 10:10:00"),
            hop("smtp.sender.example", "Wed, 28 Jun 2023 10:00:00"),
        ]
        assert delivered(read_hops(received), VGER) == instant("2023-06-28 10:20")

    def test_the_order_of_travel_counts_and_not_the_clocks(self) -> None:
        """A server whose clock is 40 minutes ahead changes nothing."""
        received = [
            hop("vger.kernel.org", "Wed, 28 Jun 2023 10:20:00"),
            hop("lindbergh.monkeyblade.net", "Wed, 28 Jun 2023 10:59:00"),
        ]
        assert delivered(read_hops(received), VGER) == instant("2023-06-28 10:20")

    def test_a_host_of_a_similar_name_is_no_server_of_the_list(self) -> None:
        """Names are compared whole."""
        received = [hop("vger.kernel.org.evil.example", "Wed, 28 Jun 2023 10:20:00"), hop("ger.kernel.org", "x")]
        assert delivered(read_hops(received), VGER) is None

    def test_a_broken_hop_does_not_hide_the_others(self) -> None:
        """It is left out."""
        received = ["by archive.example", hop("vger.kernel.org", "Wed, 28 Jun 2023 10:20:00"), "garbage"]
        assert delivered(read_hops(received), VGER) == instant("2023-06-28 10:20")

    def test_without_a_chain_it_is_not_known(self) -> None:
        """Null, and no guess."""
        assert delivered(read_hops([]), VGER) is None

    def test_a_hundred_thousand_hops_are_bounded(self) -> None:
        """Only the newest 200 are read, and that does not take long."""
        began = perf_counter()
        hops = read_hops([hop("vger.kernel.org", "Wed, 28 Jun 2023 10:20:00")] * 100_000)
        assert len(hops) == 200
        assert perf_counter() - began < 5

    def test_one_endless_hop_is_bounded(self) -> None:
        """Comments without end cost no more than a long header."""
        began = perf_counter()
        read_hops(["(" * 1_000_000 + ")" * 1_000_000, "by " * 1_000_000, " by x(" * 1_000_000] * 60)
        assert perf_counter() - began < 10


class TestLongestWait:
    """On which hop the mail waited longest."""

    @staticmethod
    def way(*hops: tuple[str, str]) -> tuple[Hop, ...]:
        return tuple(Hop(by, instant(f"2026-03-24 {taken}")) for by, taken in hops)

    def test_the_longest_wait_before_the_list_is_named(self) -> None:
        """Between two servers; what comes behind the list is not its way to the list."""
        way = self.way(("out.example", "12:01"), ("relay.example", "12:02"), (VGER[0], "14:00"), ("archive", "23:00"))
        assert longest_wait(instant("2026-03-24 12:00"), way, VGER) == LongestWait(
            "relay.example", VGER[0], timedelta(minutes=118)
        )

    def test_a_mail_that_its_sender_kept_has_no_first_server(self) -> None:
        """Its Date is hours before any server had it; without a Date the chain alone counts."""
        way = self.way(("out.example", "18:00"), (VGER[0], "18:01"))
        assert longest_wait(instant("2026-03-24 12:00"), way, VGER) == LongestWait(
            None, "out.example", timedelta(hours=6)
        )
        assert longest_wait(None, way, VGER) == LongestWait("out.example", VGER[0], timedelta(minutes=1))

    def test_a_list_may_keep_a_mail_itself(self) -> None:
        """It took it, and expanded it hours later."""
        way = self.way((VGER[0], "12:01"), (VGER[0], "15:01"))
        assert longest_wait(instant("2026-03-24 12:00"), way, VGER) == LongestWait(VGER[0], VGER[0], timedelta(hours=3))

    def test_a_chain_that_does_not_reach_the_list_tells_nothing(self) -> None:
        """Nor does none."""
        assert longest_wait(instant("2026-03-24 12:00"), self.way(("out.example", "18:00")), VGER) is None
        assert longest_wait(instant("2026-03-24 12:00"), (), VGER) is None
        assert longest_wait(None, self.way((VGER[0], "18:00")), VGER) is None


class TestArchived:
    """Only an archive that stamps its own clock says when it stored a mail."""

    RECEIVED = (
        hop("mail.archive.example", "Wed, 28 Jun 2023 10:30:00"),
        hop("vger.kernel.org", "Wed, 28 Jun 2023 10:20:00"),
    )

    @pytest.mark.parametrize("hours", [0, -7])
    def test_a_copy_of_the_top_received_date_is_no_archive_date(self, hours: float) -> None:
        """In whatever zone it is written."""
        assert archived(instant("2023-06-28 10:30", hours), self.RECEIVED) is None

    def test_a_copy_from_a_header_without_a_server_is_none_either(self) -> None:
        """The date is what is copied."""
        top = "(qmail 1234 invoked by uid 500); Wed, 28 Jun 2023 10:30:00 +0000"
        assert archived(instant("2023-06-28 10:30"), [top, *self.RECEIVED]) is None

    def test_another_date_is_the_archives_own(self) -> None:
        """A second hop's date is no copy of the top one."""
        own = instant("2023-06-28 10:20", 2)
        assert archived(own, self.RECEIVED) == own
        assert archived(own, []) == own
        assert archived(None, self.RECEIVED) is None


@pytest.mark.shared
def test_real_mail_of_the_kernel_lists_was_delivered_when_it_travelled(shared: Path) -> None:
    """Of each mail that names a server of the list: found, and not before its first hop nor after its last."""
    seen = 0
    for path in sorted((shared / "data").glob("*/*.eml")):
        headers = BytesHeaderParser().parsebytes(path.read_bytes())
        received = [str(value) for value in headers.get_all("Received", [])]
        if not any(f" by {server} " in " ".join(each.split()) for each in received for server in VGER):
            continue
        hops = read_hops(received)
        taken = delivered(hops, VGER)
        assert taken is not None, path.name
        slack = timedelta(hours=2)  # servers' clocks differ
        assert hops[0].taken.at - slack <= taken.at <= hops[-1].taken.at + slack, path.name
        seen += 1
    assert seen > 200
