"""Counting commits between releases, and who wrote them: all pairs of a history in one topological pass."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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


def count_pairs(rev_list: Iterable[bytes], pairs: Sequence[Pair]) -> list[Counted]:
    """Commits and authors of each pair.

    `rev_list` is `git rev-list --topo-order --parents`: children before parents, the whole history of all pairs; a
    NUL and the author's name may follow on each line. Each commit carries a bit set of the pairs that reach it: bit i
    from the commit of pair i, bit n + i from its base. One pass hands every set down to the parents; what carries i
    but not n + i belongs to pair i. Few different sets occur, so they are tallied whole and taken apart at the end.
    """
    size = len(pairs)
    carried: dict[bytes, int] = {}
    for i, (base, commit) in enumerate(pairs):
        carried[commit.encode()] = carried.get(commit.encode(), 0) | 1 << i
        carried[base.encode()] = carried.get(base.encode(), 0) | 1 << (size + i)
    tally: defaultdict[int, int] = defaultdict(int)
    of_merges: defaultdict[int, int] = defaultdict(int)
    wrote: dict[bytes, set[int]] = {}
    for line in rev_list:
        ids, _, author = line.partition(b"\0")
        commit_id, *parents = ids.split()
        mask = carried.pop(commit_id, 0)
        if not mask:
            continue
        tally[mask] += 1
        if len(parents) > 1:
            of_merges[mask] += 1
        elif author:
            wrote.setdefault(author, set()).add(mask)
        for parent in parents:
            seen = carried.get(parent)
            carried[parent] = mask if seen is None else seen | mask
    commits, merges = _per_pair(tally, size), _per_pair(of_merges, size)
    if not wrote:
        return [Counted(each, merged, None, None) for each, merged in zip(commits, merges, strict=True)]
    return [Counted(*each) for each in zip(commits, merges, *_authors(wrote, size), strict=True)]


def _per_pair(tally: Mapping[int, int], size: int) -> list[int]:
    totals = [0] * size
    for mask, number in tally.items():
        _add_bits(totals, _belongs(mask, size), number)
    return totals


def _authors(wrote: Mapping[bytes, set[int]], size: int) -> tuple[list[int], list[int]]:
    """Per pair, who wrote something that belongs to it, and who of them had nothing in its base."""
    authors, newcomers = [0] * size, [0] * size
    for masks in wrote.values():
        here = before = 0
        for mask in masks:
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
