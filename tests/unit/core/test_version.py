"""Versions: every usual spelling, one order, and what precedes what."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rctrack.core.version import SCHEMES, FeatureParts, Stage, Version, all_previous, parse_version
from tests.support.given import TWO_PARTS, version

GIT_PARTS = FeatureParts((((), 3), ((2,), 2)))
LINUX_PARTS = FeatureParts((((), 3), ((3,), 2)))


class TestSpelling:
    """A version is the same however people write it."""

    @pytest.mark.parametrize(
        "text",
        [
            "2.44.0-rc1",
            "v2.44.0-rc1",
            "2.44.0.rc1",
            "2.44.0rc1",
            "2.44-rc1",
            "2.44.0_rc1",
            "2.44.0~rc1",
            "2.44.0-RC1",
            "2.44.0-rc01",
            "2.44.0-rc.1",
            "2.44.0-rc-1",
            "2.44.0 rc1",
            "2.44.0 rc 1",
            " v2.44.0-rc1\n",
        ],
    )
    def test_a_candidate_in_any_usual_spelling_is_one_version(self, text: str) -> None:
        """Dots, dashes, blanks, case and a leading v make no other version, and all of them have one id."""
        assert version(text) == version("v2.44.0-rc1")
        assert version(text).id == "2.44-rc1"
        assert version(text).rc == 1

    @pytest.mark.parametrize(("short", "long"), [("1.9", "1.9.0"), ("6", "6.0.0"), ("2.0-rc3", "2.0.0-rc3")])
    def test_a_trailing_zero_equals_absent(self, short: str, long: str) -> None:
        """Equal, of one id and one cycle, although both keep the text that people wrote."""
        assert version(short) == version(long)
        assert version(short).id == version(long).id
        assert version(short).cycle_id == version(long).cycle_id
        assert (str(version(short)), str(version(long))) == (short, long)
        assert hash(version(short)) == hash(version(long))

    @pytest.mark.parametrize(
        ("text", "written", "base"),
        [
            ("v2.44.0.rc1", "2.44.0-rc1", "2.44.0"),
            ("2.12pre", "2.12pre", "2.12"),
            ("2.12-pre2", "2.12-pre2", "2.12"),
            ("1.0.0b", "1.0.0b", "1.0.0b"),
            ("v2.44.0-rc0", "2.44.0-rc0", "2.44.0"),
            ("2.14-rc007", "2.14-rc7", "2.14"),
        ],
    )
    def test_the_text_is_as_people_write_it(self, text: str, written: str, base: str) -> None:
        """A numbered candidate has one spelling; all else stays as it was, without the v."""
        assert (version(text).text, version(text).base) == (written, base)

    @pytest.mark.parametrize(
        ("text", "stage", "candidate"),
        [
            ("2.6.0-test11", Stage.TEST, 11),
            ("2.4.20-pre3", Stage.PRE, 3),
            ("2.4.20-rc1", Stage.RC, 1),
            ("2.6.11.12", Stage.FINAL, None),
            ("6.18", Stage.FINAL, None),
        ],
    )
    def test_the_kernel_scheme_knows_the_stages_of_every_era(
        self, text: str, stage: Stage, candidate: int | None
    ) -> None:
        """-testN before 2.6.0, -preN in 2.4, four numbers in 2.6, -rcN ever since; a final has no candidate number."""
        parsed = version(text, "kernel")
        assert (parsed.stage, parsed.rc, parsed.is_final) == (stage, candidate, candidate is None)

    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "v",
            "rc1",
            "-rc1",
            "1..2",
            ".1",
            "1.",
            "1.2-rc",
            "next-20260323",
            "1.2-rc1-dirty",
            "1.2-rc12345",
            "1.2-foo1",
            "1.2rc1rc2",
            "1/2",
            "vv1",
            "1.2\n3",
            "\u0661.2",
            "1.2\x00",
            "--help",
            "1.2.3.4.5.6.7.8.9",
            "1.1234567890",
            "1" * 10,
            "9" * 100000,
            "1." * 50000 + "1",
            "1.0-rc" + "1" * 5000,
        ],
    )
    def test_what_is_no_version_is_none(self, scheme: str, text: str) -> None:
        """Never an exception, and at most nine digits a number, four a candidate, eight numbers."""
        parsed = parse_version(scheme, text)
        assert parsed is None or text == "1.2-rc" or (text.startswith("next-") and scheme in ("daily", "monthly"))

    @given(st.text(max_size=90), st.sampled_from(sorted(SCHEMES)))
    def test_any_text_is_a_version_or_none(self, text: str, scheme: str) -> None:
        """What is read from a version's own text is that version, spelled the same."""
        parsed = parse_version(scheme, text)
        if parsed is not None:
            again = parse_version(scheme, parsed.text)
            assert again is not None
            assert (again, again.text, again.base, again.id) == (parsed, parsed.text, parsed.base, parsed.id)


ORDER = {
    "dotted": "0.99.9n 1.0-rc1 1.0 1.0.0a 1.0.0b 1.0.1 1.8.5-rc0 1.8.5 1.8.5.1 1.8.5.10 1.9-rc0 1.9-rc1 1.9.0 1.9.1"
    " 2.0.0-rc0 2.0.0-rc9 2.0.0-rc10 2.0.0 2.0.1 2.9 2.10 2.12-alpha1 2.12-beta1 2.12-beta2 2.12pre 2.12-pre1 2.12-rc1"
    " 2.12 2.12.1-rc1 2.12.1 2.13-rc1 10.0",
    "kernel": "2.4.20-pre1 2.4.20-pre10 2.4.20-rc1 2.4.20 2.6.0-test1 2.6.0-test11 2.6.0 2.6.9 2.6.11-rc1 2.6.11"
    " 2.6.11.1 2.6.11.12 2.6.12-rc1 2.6.12 2.6.39 3.0-rc1 3.0 3.0.1 3.1-rc9 3.1-rc10 3.1 6.1 6.1.5 6.18-rc1 6.18 7.0",
    "rt": "4.19.100-rt40 6.1-rc2-rt1 6.1-rc2-rt2 6.1-rt1 6.1-rt12 6.1.5-rt3",
    "daily": "next-20251231 next-20260101 next-20260110",
}


@pytest.mark.parametrize("scheme", ORDER)
def test_versions_have_one_order(scheme: str) -> None:
    """Ten follows nine, a candidate comes before its final, a patch letter after it, and no two are equal."""
    ascending = [version(text, scheme) for text in ORDER[scheme].split()]
    shuffled = list(ascending)
    Random(6).shuffle(shuffled)
    assert [each.text for each in sorted(shuffled)] == [each.text for each in ascending]
    assert len(set(ascending)) == len({each.id for each in ascending}) == len(ascending)


class TestEras:
    """How many numbers make a feature version depends on when it was made."""

    @pytest.mark.parametrize(
        ("parts", "text", "is_feature", "series"),
        [
            (GIT_PARTS, "1.8.5", True, (1, 8, 5)),
            (GIT_PARTS, "1.8.5.1", False, (1, 8, 5)),
            (GIT_PARTS, "1.9.0", True, (1, 9)),
            (GIT_PARTS, "1.0.0b", False, (1,)),
            (GIT_PARTS, "2.0.0", True, (2,)),
            (GIT_PARTS, "2.0.1", False, (2,)),
            (GIT_PARTS, "2.44.0-rc1", True, (2, 44)),
            (GIT_PARTS, "2.44.1", False, (2, 44)),
            (LINUX_PARTS, "2.6.39", True, (2, 6, 39)),
            (LINUX_PARTS, "2.6.39.4", False, (2, 6, 39)),
            (LINUX_PARTS, "3.0", True, (3,)),
            (LINUX_PARTS, "3.0.101", False, (3,)),
            (LINUX_PARTS, "6.1.5", False, (6, 1)),
        ],
    )
    def test_feature_and_series(
        self, parts: FeatureParts, text: str, is_feature: bool, series: tuple[int, ...]
    ) -> None:
        """A candidate counts as what it leads to."""
        parsed = version(text, "kernel")
        number = parts.of(parsed)
        assert (parsed.is_feature(number), parsed.series(number)) == (is_feature, series)

    def test_an_era_begins_with_the_version_that_names_it(self) -> None:
        """2.0.0-rc0 is already of the era of 2.0; 1.9.3 is not."""
        assert [GIT_PARTS.of(version(text)) for text in ("1.9.3", "2.0.0-rc0", "2.0", "2.44.1")] == [3, 2, 2, 2]


def previous_of(tagged: str, parts: FeatureParts, scheme: str = "dotted") -> dict[str, str | None]:
    """What precedes what, as texts."""
    found = all_previous([version(text, scheme) for text in tagged.split()], parts)
    return {each.text: before.text if before else None for each, before in found.items()}


class TestPrevious:
    """DESIGN section 4, line by line."""

    def test_of_a_candidate_the_closest_lower_one(self) -> None:
        """Pre-releases before rc1 count, and a number may be skipped."""
        found = previous_of("2.41 2.42-beta1 2.42-rc1 2.42-rc4", TWO_PARTS)
        assert found["2.42-rc4"] == "2.42-rc1"
        assert found["2.42-rc1"] == "2.42-beta1"

    def test_of_a_final_its_last_candidate(self) -> None:
        """Whatever else was released meanwhile."""
        assert previous_of("2.41 2.42-rc1 2.42-rc2 2.41.9 2.42", TWO_PARTS)["2.42"] == "2.42-rc2"

    def test_of_the_first_candidate_of_a_feature_release_the_feature_final_before(self) -> None:
        """6.18-rc1 follows 6.17, not 6.17.9."""
        found = previous_of("6.16 6.17 6.17.1 6.17.9 6.18-rc1", LINUX_PARTS, "kernel")
        assert found["6.18-rc1"] == "6.17"

    def test_of_a_feature_release_without_candidates_the_feature_final_before(self) -> None:
        """The same rule."""
        assert previous_of("2.17 2.17.2 2.18", TWO_PARTS)["2.18"] == "2.17"

    def test_of_a_point_release_the_release_before_in_its_series(self) -> None:
        """Newer series make no difference, nor do candidates of its own series' past."""
        found = previous_of("2.41-rc1 2.41 2.41.1-rc1 2.41.1 2.42-rc1 2.42 2.41.2-rc1 2.41.2 2.41.3", TWO_PARTS)
        assert found["2.41.1-rc1"] == "2.41"
        assert found["2.41.2-rc1"] == "2.41.1"
        assert found["2.41.2"] == "2.41.2-rc1"
        assert found["2.41.3"] == "2.41.2"

    def test_the_first_of_all_has_none(self) -> None:
        """And so has a point release of a series that was never tagged."""
        assert previous_of("2.13 2.20.1 2.12.7", TWO_PARTS) == {"2.12.7": None, "2.13": None, "2.20.1": None}

    def test_across_eras(self) -> None:
        """2.6.39.1 is a point release, 3.0 follows 2.6.39, 3.0.1 follows 3.0."""
        found = previous_of("2.6.38 2.6.39-rc1 2.6.39 2.6.39.1 3.0-rc1 3.0 3.0.1 3.1-rc1", LINUX_PARTS, "kernel")
        assert found["2.6.39.1"] == "2.6.39"
        assert found["3.0-rc1"] == "2.6.39"
        assert found["3.0.1"] == "3.0"
        assert found["3.1-rc1"] == "3.0"

    def test_a_patch_letter_is_a_point_release(self) -> None:
        """1.0.0b follows 1.0.0a, and 1.0.1 follows 1.0.0 as the feature release that it was then."""
        found = previous_of("1.0.0 1.0.0a 1.0.0b 1.0.1", GIT_PARTS)
        assert found["1.0.0a"] == "1.0.0"
        assert found["1.0.0b"] == "1.0.0a"
        assert found["1.0.1"] == "1.0.0"


@dataclass(frozen=True)
class Written:
    """A version as the specification sees it: four numbers, a letter, a stage (final: 9), a candidate."""

    numbers: tuple[int, int, int, int]
    letter: str
    stage: int
    candidate: int

    @property
    def rank(self) -> tuple[tuple[int, ...], str, int, int]:
        return (self.numbers, self.letter, self.stage, self.candidate)

    @property
    def text(self) -> str:
        suffix = "" if self.stage == 9 else f"-{['beta', 'rc'][self.stage]}{self.candidate}"
        return ".".join(map(str, self.numbers)) + self.letter + suffix


def specified(of: Written, tagged: Sequence[Written]) -> Written | None:
    """What DESIGN section 4 says, by looking at everything for each, for a project like git."""
    lower = [each for each in tagged if each.rank < of.rank]
    same_version = [each for each in lower if (each.numbers, each.letter) == (of.numbers, of.letter)]
    if same_version:
        return max(same_version, key=lambda each: (each.stage, each.candidate))
    finals = [each for each in lower if each.stage == 9]

    def parts(each: Written) -> int:
        return 2 if each.numbers[0] >= 2 else 3

    def is_point_release(each: Written) -> bool:
        return any(each.numbers[parts(each) :]) or each.letter != ""

    if is_point_release(of):
        allowed = [each for each in finals if each.numbers[: parts(each)] == of.numbers[: parts(of)]]
    else:
        allowed = [each for each in finals if not is_point_release(each)]
    return max(allowed, key=lambda each: each.rank, default=None)


few = st.integers(0, 2)
written = st.builds(
    Written,
    numbers=st.tuples(st.integers(1, 3), few, few, few),
    letter=st.sampled_from(["", "", "", "", "a", "b"]),
    stage=st.sampled_from([0, 1, 1, 9, 9, 9]),
    candidate=few,
).map(lambda each: each if each.stage != 9 else Written(each.numbers, each.letter, 9, 0))


@given(st.lists(written, max_size=25, unique=True))
def test_what_precedes_what_is_as_specified(tagged: list[Written]) -> None:
    """For any set of tags in any order, against a specification that looks at every pair."""
    parsed: dict[Version, Written] = {version(each.text): each for each in tagged}
    found = all_previous(parsed, GIT_PARTS)
    assert found.keys() == parsed.keys()
    assert {parsed[of]: parsed[before] if before else None for of, before in found.items()} == {
        each: specified(each, tagged) for each in tagged
    }


@given(st.lists(written, max_size=12, unique=True), st.randoms())
def test_what_precedes_what_is_the_same_in_any_order(tagged: list[Written], random: Random) -> None:
    """Repetition included."""
    versions = [version(each.text) for each in tagged]
    again = versions + versions[:3]
    random.shuffle(again)
    assert all_previous(again, GIT_PARTS) == all_previous(versions, GIT_PARTS)
