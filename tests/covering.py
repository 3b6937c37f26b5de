"""Covering arrays: a few combinations of options in which any two values of two options still meet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

Row = tuple[Any, ...]  # one value of every option
Pair = tuple[int, Any, int, Any]  # option, value, another option, its value


def pairs_of(row: Row) -> set[Pair]:
    """Every two values of it."""
    return {(i, row[i], j, row[j]) for i, j in combinations(range(len(row)), 2)}


def every_pair(values: Sequence[Sequence[Any]]) -> tuple[Row, ...]:
    """Rows in which each pair of values of two options occurs at least once: greedy, and the same on every call.

    Every row begins with a pair that is still missing; each further option takes the value that meets most missing
    pairs, and among equals the one that was used least.
    """
    missing = [(i, a, j, b) for i, j in combinations(range(len(values)), 2) for a, b in product(values[i], values[j])]
    left, rows = dict.fromkeys(missing), list[Row]()
    used = [dict.fromkeys(each, 0) for each in values]
    while left:
        i, a, j, b = next(iter(left))
        row = {i: a, j: b}
        for k in range(len(values)):
            if k not in row:
                row[k] = max(values[k], key=lambda v, k=k: (_met(left, row, k, v), -used[k][v]))  # type: ignore[misc]
        done = tuple(row[k] for k in range(len(values)))
        rows.append(done)
        for k, value in enumerate(done):
            used[k][value] += 1
        for pair in pairs_of(done):
            left.pop(pair, None)
    return tuple(rows)


def _met(left: dict[Pair, None], row: dict[int, Any], k: int, value: Any) -> int:
    """How many missing pairs this value of option k makes with what the row has."""
    return sum(((i, v, k, value) if i < k else (k, value, i, v)) in left for i, v in row.items())


def every_value(rows: Sequence[Row], seen: Sequence[set[Any]] | None = None) -> tuple[Row, ...]:
    """Some of ``rows`` in which each value still occurs: always the one that brings most, the first among equals.

    Args:
        seen: values of every option that need not occur any more.
    """
    known = [set(each) for each in seen] if seen else [set() for _ in rows[0]]
    chosen, rest = list[Row](), list(rows)
    while rest:
        best = max(rest, key=lambda row: sum(value not in k for value, k in zip(row, known, strict=True)))
        if all(value in k for value, k in zip(best, known, strict=True)):
            break
        chosen.append(best)
        rest.remove(best)
        for value, k in zip(best, known, strict=True):
            k.add(value)
    return tuple(chosen)
