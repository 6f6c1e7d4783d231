"""How the time of a search grows with the text, at worst: by the number of ways in which the text can be read.

A search that fails has tried every way of reading every beginning of the text. Where one position can be left and
reached again by the same characters in two ways, their number doubles each time; where two loops, one behind the other,
can read the same characters, it grows by one power (Weber and Seidl, "On the degree of ambiguity of finite automata").
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import product
from typing import TypeVar

from rctrack.core.expression.automaton import MANY, Automaton

_MOST_PLACES = 200_000
"""Of three positions at once that are looked at; an expression that needs more is not judged."""
_Node = TypeVar("_Node", bound=Hashable)
_Next = Mapping[int, tuple[int, ...]]


class TooComplicated(Exception):
    """The expression is too large to be judged."""


def power_of(automaton: Automaton) -> int | None:
    """The time grows at most with this power of the text's length; None where it doubles with each few characters."""
    # Where it is sure that the expression fits, no other way back is tried any more.
    unsure = {pair: ways for pair, ways in automaton.follow.items() if automaton.sure.isdisjoint(pair)}
    successors = _successors(unsure)
    loops = _loops(successors)
    if any(ways >= MANY and loops.get(a, a) == loops.get(b, -1) for (a, b), ways in unsure.items()):
        return None
    if any(_doubles(automaton.reads, _within(successors, loops, loop)) for loop in set(loops.values())):
        return None
    chains = _longest_chains(automaton.reads, successors, loops)
    # What comes behind a loop of sure positions is tried at each of them.
    again = {loops[position] for position in _tried_again(automaton, successors) if position in loops}
    return 1 + max([0, *chains.values(), *(1 + chains[loop] for loop in again)])


def _successors(follow: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    following: defaultdict[int, list[int]] = defaultdict(list)
    for position, behind in follow:
        following[position].append(behind)
    return {position: tuple(behind) for position, behind in following.items()}


def _tried_again(automaton: Automaton, successors: _Next) -> set[int]:
    """The positions that may be tried behind any position of a loop that is sure to fit."""
    looped = _loops(_successors(automaton.follow))
    begins = {
        behind
        for position, behind in automaton.follow
        if position in automaton.sure and behind not in automaton.sure and position in looped
    }
    return begins | _reachable(begins, lambda position: successors.get(position, ()))


def _loops(successors: _Next) -> dict[int, int]:
    """The loop that a position is part of, by the position; a position that can never come again has none."""
    loops = {}
    for number, positions in enumerate(_components(successors, lambda position: successors.get(position, ()))):
        if len(positions) > 1 or positions[0] in successors.get(positions[0], ()):
            loops.update(dict.fromkeys(positions, number))
    return loops


def _within(successors: _Next, loops: Mapping[int, int], loop: int) -> _Next:
    return {
        position: tuple(behind for behind in successors[position] if loops.get(behind) == loop)
        for position in successors
        if loops.get(position) == loop
    }


def _doubles(reads: tuple[int, ...], inner: _Next) -> bool:
    """Whether two different ways lead from a position of this loop back to it by the same characters."""

    def successors(pair: tuple[int, int]) -> list[tuple[int, int]]:
        return [(a, b) for a, b in product(inner[pair[0]], inner[pair[1]]) if reads[a] & reads[b]]

    same = [(position, position) for position in inner]
    return any(
        any(a == b for a, b in pairs) and any(a != b for a, b in pairs) for pairs in _components(same, successors)
    )


def _longest_chains(reads: tuple[int, ...], successors: _Next, loops: Mapping[int, int]) -> dict[int, int]:
    """How many loops in a row behind this one can each read what the one before can read as well, by the loop."""
    behind = {loop: _reached(successors, loops, loop) for loop in set(loops.values())}
    lengths: dict[int, int] = {}
    # A loop comes after all that can be reached from it, since that is what _components() finds first.
    for loop in sorted(behind):
        steps = [lengths[later] + _overlaps(reads, successors, loops, loop, later) for later in behind[loop]]
        lengths[loop] = max(steps, default=0)
    return lengths


def _reached(successors: _Next, loops: Mapping[int, int], loop: int) -> set[int]:
    """The other loops that lie behind this one."""
    inner = [position for position in loops if loops[position] == loop]
    positions = _reachable(inner, lambda position: successors.get(position, ()))
    return {loops[position] for position in positions if position in loops} - {loop}


def _overlaps(reads: tuple[int, ...], successors: _Next, loops: Mapping[int, int], first: int, second: int) -> bool:
    """Whether the same characters lead round the first loop, round the second, and from the first to the second."""
    round_first, round_second = _within(successors, loops, first), _within(successors, loops, second)

    def behind(places: tuple[int, int, int]) -> list[tuple[int, int, int]]:
        a, way, b = places
        ahead = product(round_first[a], successors.get(way, ()), round_second[b])
        return [(c, d, e) for c, d, e in ahead if reads[c] & reads[d] & reads[e]]

    return any((a, b, b) in _reachable([(a, a, b)], behind) for a, b in product(round_first, round_second))


def _reachable(begin: Iterable[_Node], successors: Callable[[_Node], Iterable[_Node]]) -> set[_Node]:
    """Everything that lies behind these; these themselves only where a way leads back."""
    reached: set[_Node] = set()
    waiting = list(begin)
    while waiting:
        for node in successors(waiting.pop()):
            if node not in reached:
                reached.add(node)
                waiting.append(node)
        if len(reached) > _MOST_PLACES:
            raise TooComplicated
    return reached


def _components(begin: Iterable[_Node], successors: Callable[[_Node], Iterable[_Node]]) -> list[list[_Node]]:
    """What can be reached, in parts whose nodes all reach each other; a part comes after all that lie behind it.

    Tarjan's algorithm, without recursion.
    """
    number: dict[_Node, int] = {}
    lowest: dict[_Node, int] = {}
    open_nodes: dict[_Node, None] = {}
    parts: list[list[_Node]] = []
    for root in begin:
        way = [(root, iter(successors(root)))] if root not in number else []
        while way:
            node, rest = way[-1]
            if node not in number:
                number[node] = lowest[node] = len(number)
                open_nodes[node] = None
            following = next((each for each in rest if each not in number or each in open_nodes), None)
            if following is None:
                way.pop()
                if way:
                    lowest[way[-1][0]] = min(lowest[way[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    parts.append(_closed(open_nodes, node))
            elif following in number:
                lowest[node] = min(lowest[node], number[following])
            else:
                way.append((following, iter(successors(following))))
        if len(number) > _MOST_PLACES:
            raise TooComplicated
    return parts


def _closed(open_nodes: dict[_Node, None], first: _Node) -> list[_Node]:
    """Takes away the nodes from `first` on, which are one part."""
    part = []
    while open_nodes:
        node, _ = open_nodes.popitem()
        part.append(node)
        if node == first:
            break
    return part
