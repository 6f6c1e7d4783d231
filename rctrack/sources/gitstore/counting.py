"""Counting commits between releases, and who wrote them: all pairs of a history in one topological pass."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Pair = tuple[str, str]
"""(base, commit): counted is what commit reaches and base does not."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What lies between two commits; authors are told apart by name, and those of merges are not counted."""

    commits: int
    merges: int
    authors: int | None
    """None where the pass did not read them."""
    first_time_authors: int | None
    """Those without a commit in all that base reaches."""


@dataclass(slots=True)
class _Sets:
    """Sets of bits under small numbers: a thousand pairs make long integers, and few different ones occur."""

    masks: list[int] = field(default_factory=lambda: [0])
    numbers: dict[int, int] = field(default_factory=lambda: {0: 0})
    joined: dict[tuple[int, int], int] = field(default_factory=dict)

    def number(self, mask: int) -> int:
        if mask not in self.numbers:
            self.numbers[mask] = len(self.masks)
            self.masks.append(mask)
        return self.numbers[mask]

    def join(self, one: int, other: int) -> int:
        """The number of what is in either of two numbered sets."""
        found = self.joined.get((one, other))
        if found is None:
            found = self.joined[one, other] = self.number(self.masks[one] | self.masks[other])
        return found


def count_pairs(rev_list: Iterable[bytes], pairs: Sequence[Pair]) -> list[Counted]:
    """Commits and authors of each pair.

    `rev_list` is `git rev-list --topo-order --parents`: children before parents, the whole history of all pairs; a
    NUL and the author's name may follow on each line. Each commit carries a bit set of the pairs that reach it: bit i
    from the commit of pair i, bit n + i from its base. One pass hands every set down to the parents; what carries i
    but not n + i belongs to pair i. The sets are tallied whole, by number, and taken apart at the end.
    """
    sets, size = _Sets(), len(pairs)
    carried = {commit: sets.number(mask) for commit, mask in _marks(pairs).items()}
    tally: defaultdict[int, int] = defaultdict(int)
    of_merges: defaultdict[int, int] = defaultdict(int)
    wrote: dict[bytes, set[int]] = {}
    for line in rev_list:
        ids, is_read, author = line.partition(b"\0")
        commit_id, *parents = ids.split()
        here = carried.pop(commit_id, 0)
        if not here:
            continue
        tally[here] += 1
        if len(parents) > 1:
            of_merges[here] += 1
        elif is_read:
            wrote.setdefault(author, set()).add(here)
        for parent in parents:
            seen = carried.get(parent, here)
            carried[parent] = here if seen == here else sets.join(seen, here)
    commits, merges = _per_pair(tally, sets.masks, size), _per_pair(of_merges, sets.masks, size)
    if not wrote:
        return [Counted(each, merged, None, None) for each, merged in zip(commits, merges, strict=True)]
    return [Counted(*each) for each in zip(commits, merges, *_authors(wrote, sets.masks, size), strict=True)]


def _marks(pairs: Sequence[Pair]) -> dict[bytes, int]:
    """The bits that each commit of a pair begins with."""
    marks: defaultdict[bytes, int] = defaultdict(int)
    for i, (base, commit) in enumerate(pairs):
        marks[commit.encode()] |= 1 << i
        marks[base.encode()] |= 1 << (len(pairs) + i)
    return marks


def _per_pair(tally: Mapping[int, int], masks: Sequence[int], size: int) -> list[int]:
    totals = [0] * size
    for number, times in tally.items():
        _add_bits(totals, _belongs(masks[number], size), times)
    return totals


def _authors(wrote: Mapping[bytes, set[int]], masks: Sequence[int], size: int) -> tuple[list[int], list[int]]:
    """Per pair, who wrote something that belongs to it, and who of them had nothing in its base."""
    authors, newcomers = [0] * size, [0] * size
    for numbers in wrote.values():
        here = before = 0
        for mask in map(masks.__getitem__, numbers):
            here |= _belongs(mask, size)
            before |= mask >> size
        _add_bits(authors, here, 1)
        _add_bits(newcomers, here & ~before, 1)
    return authors, newcomers


def _belongs(mask: int, size: int) -> int:
    """The pairs whose commit reaches what carries this mask and whose base does not."""
    return mask & ~(mask >> size) & ((1 << size) - 1)


def _add_bits(totals: list[int], mask: int, number: int) -> None:
    while mask:
        lowest = mask & -mask
        totals[lowest.bit_length() - 1] += number
        mask ^= lowest
