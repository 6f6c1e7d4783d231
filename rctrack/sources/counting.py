"""Counting commits between releases: all pairs of a history in one topological pass."""

from collections import Counter
from collections.abc import Iterable, Sequence

Pair = tuple[str, str]
"""(base, commit): counted is what commit reaches and base does not."""


def count_pairs(rev_list: Iterable[bytes], pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Commits of each pair, all and without merges; `rev_list` is `git rev-list --topo-order --parents`.

    Each commit carries a bit set of the pairs that reach it: bit i from the commit of pair i, bit n + i from its
    base. Children come before parents, so one pass hands every set down to the parents; what carries i but not
    n + i belongs to pair i. Few different sets occur, so they are tallied whole and taken apart once at the end.
    """
    size = len(pairs)
    carried: dict[bytes, int] = {}
    for i, (base, commit) in enumerate(pairs):
        carried[commit.encode()] = carried.get(commit.encode(), 0) | 1 << i
        carried[base.encode()] = carried.get(base.encode(), 0) | 1 << (size + i)
    everything = (1 << size) - 1
    tally: Counter[int] = Counter()
    merges: Counter[int] = Counter()
    for line in rev_list:
        commit_id, *parents = line.split()
        mask = carried.pop(commit_id, 0)
        if not mask:
            continue
        counted = mask & ~(mask >> size) & everything
        if counted:
            tally[counted] += 1
            if len(parents) > 1:
                merges[counted] += 1
        for parent in parents:
            carried[parent] = carried.get(parent, 0) | mask
    commits, of_merges = _per_bit(tally, size), _per_bit(merges, size)
    return [(each, each - merged) for each, merged in zip(commits, of_merges, strict=True)]


def _per_bit(tally: Counter[int], size: int) -> list[int]:
    totals = [0] * size
    for mask, number in tally.items():
        rest = mask
        while rest:
            lowest = rest & -rest
            totals[lowest.bit_length() - 1] += number
            rest ^= lowest
    return totals
