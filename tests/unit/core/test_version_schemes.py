"""The schemes of projects that number otherwise: dash numbers, -rt, days, months."""

from datetime import date

import pytest

from rctrack.core.version import FeatureParts, all_previous, parse_version
from tests.support.given import version


class TestDotted:
    """Spellings that came with the backports, OFED, UHD, Xen, U-Boot and man-pages."""

    @pytest.mark.parametrize(
        ("text", "written", "key"),
        [
            ("4.17-1-rc2", "4.17-1-rc2", "4.17.1-rc2"),
            ("4.17-1", "4.17-1", "4.17.1"),
            ("5.3-rc4-1", "5.3-rc4-1", "5.3-rc4-1"),
            ("4.19.66-1", "4.19.66-1", "4.19.66.1"),
            ("4.5.0.0 Release Candidate 1", "4.5.0.0-rc1", "4.5-rc1"),
            ("4.15 RC2", "4.15-rc2", "4.15-rc2"),
            ("0_3_0", "0.3.0", "0.3"),
            ("6.03", "6.03", "6.3"),
            ("27", "27", "27"),
            ("3.12.0b2", "3.12.0-beta2", "3.12-beta2"),
            ("V3.12.0a1", "3.12.0-alpha1", "3.12-alpha1"),
            ("3.12 preview 1", "3.12-pre1", "3.12-pre1"),
            ("3.12-pre-release2", "3.12-pre2", "3.12-pre2"),
            ("3.12_prerelease_2", "3.12-pre2", "3.12-pre2"),
            ("3.12-test3", "3.12-test3", "3.12-test3"),
            ("3.12-rc", "3.12-rc", "3.12-rc0"),
            ("3.12rc", "3.12rc", "3.12-rc0"),
        ],
    )
    def test_a_spelling_has_a_text_and_a_key(self, text: str, written: str, key: str) -> None:
        """The text keeps leading zeros and dash numbers."""
        assert (version(text).text, version(text).id) == (written, key)

    def test_revisions_have_an_order(self) -> None:
        """A revision counts upon its candidate."""
        texts = ["5.3-rc4-1", "5.3-rc4-2", "5.3-rc5-1", "5.3-1", "5.3.1-1", "5.3.1-2"]
        assert [each.text for each in sorted(map(version, reversed(texts)))] == texts


class TestRt:
    """What is counted upon a kernel."""

    def test_a_patch_set_is_of_its_kernel(self) -> None:
        """Its candidate is the kernel's."""
        parsed = version("v6.1-rc2-rt1", "rt")
        assert (parsed.text, parsed.rc, parsed.base, parsed.id) == ("6.1-rc2-rt1", 2, "6.1", "6.1-rc2-rt1")

    def test_each_follows_the_one_before(self) -> None:
        """Also where both are of one final kernel."""
        texts = ["6.1-rc2-rt1", "6.1-rc2-rt2", "6.1-rt1", "6.1-rt2", "6.1.5-rt1", "6.1.5-rt2"]
        found = all_previous([version(each, "rt") for each in texts], FeatureParts((((), 2),)))
        assert [str(before) for before in found.values()] == ["None", *texts[:-1]]

    @pytest.mark.parametrize("text", ["6.1", "6.1-rc2", "6.1-rt", "6.1.5-rt2-rebase", "rt2"])
    def test_what_is_no_patch_set_is_none(self, text: str) -> None:
        """A kernel, and the twin of a patch set."""
        assert parse_version("rt", text) is None


class TestDaysThenNumbers:
    """A project that was named by days and took up numbers."""

    TEXTS = ("20190301", "20190315", "20200518-rc1", "20200518", "20200710", "3.2-rc1", "3.2", "3.11")

    def test_the_days_are_the_older_era(self) -> None:
        """Although 20200710 is the higher number."""
        versions = [version(text, "days-then-dotted") for text in self.TEXTS]
        assert [each.text for each in sorted([*versions[3:], *versions[:3]])] == list(self.TEXTS)
        assert len({each.id for each in versions}) == len(versions)
        assert [version(each.text, "days-then-dotted") for each in versions] == versions

    def test_the_first_number_follows_the_last_day(self) -> None:
        """And each day the day before it."""
        versions = [version(text, "days-then-dotted") for text in self.TEXTS]
        before = all_previous(versions, FeatureParts((((), 2),)))
        assert [str(before[each]) for each in versions] == ["None", *self.TEXTS[:-1]]

    def test_candidates_of_a_day_are_of_its_cycle(self) -> None:
        """As of any version."""
        candidate, final = (version(text, "days-then-dotted") for text in ("20200518-rc1", "20200518"))
        assert (candidate.cycle_id, candidate.rc, candidate.base) == (final.cycle_id, 1, "20200518")


class TestDays:
    """Daily trees and monthly releases."""

    @pytest.mark.parametrize(
        ("text", "written_on", "expected"),
        [
            ("Aug 19", date(2019, 8, 19), "next-20190819"),
            ("Dec 31", date(2020, 1, 1), "next-20191231"),
            ("Jan 2", date(2019, 12, 31), "next-20200102"),
            ("Feb 29", date(2024, 3, 1), "next-20240229"),
            ("next-20190819", None, "next-20190819"),
            ("20190819", None, "20190819"),
            ("2019-08-19", None, "2019-08-19"),
            ("2019.08.19", None, "2019.08.19"),
            ("master-2019-08-19", None, "2019-08-19"),
            ("Aug 19, 2018", date(2019, 8, 19), "next-20180819"),
        ],
    )
    def test_the_year_is_the_closest_to_the_date(self, text: str, written_on: date | None, expected: str) -> None:
        """A subject has none."""
        parsed = parse_version("daily", text, written_on)
        assert parsed is not None
        assert parsed.text == expected
        assert parsed.dated
        assert parsed.rc is None

    def test_a_day_is_one_version_however_it_is_written(self) -> None:
        """And it is read again from its own text."""
        texts = ["2024-05-08", "20240508", "2024.05.08", "next-20240508", "master-2024-05-08", "May 8, 2024"]
        days = [version(text, "daily") for text in texts]
        assert {day.id for day in days} == {"2024.5.8"}
        assert [version(day.text, "daily").text for day in days] == [day.text for day in days]

    def test_three_numbers_that_are_a_day_are_no_revision(self) -> None:
        """In a scheme of numbers too: the 8th of May, not the eighth revision of 2024.5."""
        parsed = version("2024-05-08")
        assert (parsed.numbers, parsed.revision, parsed.text) == ((2024, 5, 8), 0, "2024-05-08")
        assert parsed == version("2024.05.08")
        assert version("2024-05-08-rc2").rc == 2
        assert version("2024-05-08") < version("2024-05-09") < version("2024-10-01")
        assert version("5.15-01-2").revision == 2

    @pytest.mark.parametrize("text", ["Aug 19", "Foo 19", "Aug 32", "next-20191319", "2019-0819", "Ju 1", "6.1", ""])
    def test_what_is_no_day_is_none(self, text: str) -> None:
        """Nor is a day without any year near by."""
        assert parse_version("daily", text, None if text == "Aug 19" else date(2019, 8, 19)) is None

    def test_a_day_follows_none(self) -> None:
        """A scheme without candidates has no previous."""
        days = [version(f"next-2019081{day}", "daily") for day in (5, 6)]
        assert set(all_previous(days, FeatureParts((((), 2),))).values()) == {None}

    @pytest.mark.parametrize("text", ["May 2019", "MAY 2019", "may 2019", "20190517"])
    def test_a_month_is_one_release(self, text: str) -> None:
        """The mail names the month, the tag a day of it."""
        parsed = version(text, "monthly")
        assert (parsed.text, parsed.id) == ("May 2019", "2019.5")
