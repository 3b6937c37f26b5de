"""Draw the rooms of senet_viz and which of them import which, from the imports themselves: docs/architecture.svg.

    python tools/architecture.py

A room is a folder of the package, or a module that lies beside the folders; the pages and app.py stand on top. An arrow
points at what is imported. One that says no more than a chain of others says is left out. The same imports give the
same bytes.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
PACKAGE = "senet_viz"

HIGH, BETWEEN, APART, MARGIN = 26, 44, 14, 20  # px: a box, two layers, two boxes, the frame
LETTER, PAD, BEND = 7.3, 11, 5  # px: a letter of 12 px, beside the name, the width that a passing arrow needs
SWEEPS = 24
STYLE = """\
  .ground { fill: #ffffff } .room { fill: #e8f1f8; stroke: #0072b2; stroke-width: 1.5 }
  .module { fill: #ffffff; stroke: #6b6b6b } text { fill: #161514; font: 12px monospace; text-anchor: middle }
  .arrow { fill: none; stroke: #7a7a7a; stroke-width: 1.1 } .tip { fill: #7a7a7a }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #14171a } .room { fill: #17303f; stroke: #56b4e9 } .module { fill: #14171a; stroke: #a0a0a0 }
    text { fill: #f2f2f2 } .arrow { stroke: #9a9a9a } .tip { fill: #9a9a9a }
  }"""

Arrows = dict[str, frozenset[str]]


@dataclass(frozen=True, order=True)
class Stop:
    """A place in a layer: the box of a room, or a bend that the arrows to that room share."""

    layer: int
    name: str
    box: bool


def rooms(root: Path = ROOT) -> dict[str, tuple[Path, ...]]:
    """Return the Python files of every room by its name, and those of ``pages`` and ``app``."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted((root / PACKAGE).iterdir()):
        if path.suffix == ".py" and path.stem != "__init__":
            found[path.stem] = (path,)
        elif path.is_dir() and (files := tuple(sorted(path.rglob("*.py")))):
            found[path.name] = files
    above = {"pages": tuple(sorted((root / "pages").rglob("*.py"))), "app": tuple(root.glob("app.py"))}
    return found | {name: files for name, files in above.items() if files}


def _imported(file: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(root: Path = ROOT) -> Arrows:
    """Return, for every room, the rooms that its files import, also inside functions and for types alone."""
    there = rooms(root)
    found = {}
    for room, files in there.items():
        names = [name.split(".") for file in files for name in _imported(file)]
        ours = {name[1] for name in names if name[0] == PACKAGE and len(name) > 1}
        found[room] = frozenset(ours & set(there)) - {room}
    return found


def reach(direct: Mapping[str, frozenset[str]]) -> Arrows:
    """Return, for every room, all rooms that its arrows lead to, over however many others.

    Raises:
        ValueError: the arrows run in a circle; it names the rooms.
    """
    found: Arrows = {}

    def visit(room: str, way: tuple[str, ...]) -> frozenset[str]:
        if room in way:
            raise ValueError(f"the imports run in a circle: {' -> '.join((*way[way.index(room) :], room))}")
        if room not in found:
            below = [visit(other, (*way, room)) for other in sorted(direct[room])]
            found[room] = direct[room].union(*below)
        return found[room]

    for room in sorted(direct):
        visit(room, ())
    return found


def reduced(direct: Mapping[str, frozenset[str]]) -> Arrows:
    """Return the fewest arrows that lead to the same rooms: those that no chain of others replaces."""
    whole = reach(direct)
    return {room: there - frozenset().union(*(whole[other] for other in there)) for room, there in direct.items()}


def layers(few: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return the layer of every room, 0 at the bottom: above all that it imports, and near its importers."""
    whole = reach(few)
    order = sorted(few, key=lambda room: (len(whole[room]), room))  # what is imported comes before its importers
    layer: dict[str, int] = {}
    for room in order:
        layer[room] = 1 + max((layer[other] for other in few[room]), default=-1)
    for room in reversed(order):
        above = [layer[other] for other in few if room in few[other]]
        if len(above) > len(few[room]):  # so most of its arrows become shorter
            layer[room] = min(above) - 1
    return layer


def _ways(few: Mapping[str, frozenset[str]], layer: Mapping[str, int]) -> set[tuple[Stop, Stop]]:
    """The pieces of all arrows, each from a layer to the next; arrows to one room share their bends."""
    pieces = set()
    for room, there in few.items():
        for other in there:
            way = [Stop(layer[room], room, True)]
            way += [Stop(at, other, False) for at in range(layer[room] - 1, layer[other], -1)]
            pieces |= set(pairwise((*way, Stop(layer[other], other, True))))
    return pieces


def _crossings(rows: Sequence[Sequence[Stop]], pieces: set[tuple[Stop, Stop]]) -> int:
    at = {stop: index for row in rows for index, stop in enumerate(row)}
    count = 0
    for number in range(len(rows)):
        ends = sorted((at[upper], at[lower]) for upper, lower in pieces if upper.layer == number)
        count += sum(a[0] < b[0] and a[1] > b[1] for i, a in enumerate(ends) for b in ends[i + 1 :])
    return count


def _neighbours(pieces: set[tuple[Stop, Stop]]) -> dict[Stop, list[Stop]]:
    found: dict[Stop, list[Stop]] = {}
    for upper, lower in sorted(pieces):
        found.setdefault(upper, []).append(lower)
        found.setdefault(lower, []).append(upper)
    return found


def ordered(layer: Mapping[str, int], pieces: set[tuple[Stop, Stop]]) -> list[list[Stop]]:
    """Return the stops of every layer from left to right, with few crossings: each near its neighbours."""
    stops = {stop for piece in pieces for stop in piece} | {Stop(at, room, True) for room, at in layer.items()}
    rows = [sorted(stop for stop in stops if stop.layer == at) for at in range(max(layer.values()) + 1)]
    beside, best = _neighbours(pieces), [list(row) for row in rows]
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            at = {stop: index / max(len(line) - 1, 1) for line in rows for index, stop in enumerate(line)}
            step = -1 if sweep % 2 else 1
            middle = {}
            for stop in row:
                near = [at[other] for other in beside.get(stop, ()) if other.layer == stop.layer + step]
                middle[stop] = sum(near) / len(near) if near else at[stop]
            row.sort(key=lambda stop: (middle[stop], stop))
        if _crossings(rows, pieces) < _crossings(best, pieces):
            best = [list(row) for row in rows]
    return best


def _width(stop: Stop) -> float:
    return len(stop.name) * LETTER + 2 * PAD if stop.box else BEND


def _fitted(row: Sequence[Stop], wanted: Sequence[float]) -> list[float]:
    """Centres as near to the wanted ones as boxes that do not touch allow (least squares, pooled neighbours)."""
    offset, offsets = 0.0, [0.0]
    for left, right in pairwise(row):
        offset += (_width(left) + _width(right)) / 2 + APART
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # sum and number of stops that stand as close as they can
    for want, shift in zip(wanted, offsets, strict=True):
        total, number = want - shift, 1
        while pools and pools[-1][0] / pools[-1][1] > total / number:
            before = pools.pop()
            total, number = total + before[0], number + before[1]
        pools.append((total, number))
    starts = [total / number for total, number in pools for _ in range(number)]
    return [start + shift for start, shift in zip(starts, offsets, strict=True)]


def placed(rows: Sequence[Sequence[Stop]], pieces: set[tuple[Stop, Stop]]) -> dict[Stop, int]:
    """Return the horizontal centre of every stop in whole px, so that arrows run as straight as the boxes allow."""
    beside = _neighbours(pieces)
    centre = {stop: x for row in rows for stop, x in zip(row, _fitted(row, [0.0] * len(row)), strict=True)}
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            near = [[centre[other] for other in beside.get(stop, (stop,))] for stop in row]
            centre.update(zip(row, _fitted(row, [sum(xs) / len(xs) for xs in near]), strict=True))
    left = min(x - _width(stop) / 2 for stop, x in centre.items()) - MARGIN
    return {stop: round(x - left) for stop, x in centre.items()}


def svg(root: Path = ROOT) -> str:
    """Return the picture as SVG, which is legible on a light and on a dark page."""
    few = reduced(arrows(root))
    layer = layers(few)
    pieces = _ways(few, layer)
    x = placed(ordered(layer, pieces), pieces)
    top = {at: MARGIN + (max(layer.values()) - at) * (HIGH + BETWEEN) for at in range(max(layer.values()) + 1)}
    wide = max(round(centre + _width(stop) / 2) for stop, centre in x.items()) + MARGIN
    high = top[0] + HIGH + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img">',
        f"<title>The rooms of {PACKAGE}; an arrow points at what is imported</title>",
        f"<style>\n{STYLE}\n</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker>',
        f'<rect class="ground" width="{wide}" height="{high}"/>',
    ]
    for upper, lower in sorted(pieces, reverse=True):
        start, end = top[upper.layer] + HIGH, top[lower.layer]
        half = (start + end) // 2
        through = f"M{x[upper]} {top[upper.layer]}V{start}" if not upper.box else f"M{x[upper]} {start}"
        tip = ' marker-end="url(#tip)"' if lower.box else ""
        lines.append(f'<path class="arrow" d="{through}C{x[upper]} {half} {x[lower]} {half} {x[lower]} {end}"{tip}/>')
    there = rooms(root)
    for room in sorted(few):
        stop = Stop(layer[room], room, True)
        width, y = round(_width(stop)), top[stop.layer]
        kind = "module" if len(there[room]) == 1 else "room"
        lines += [
            f'<rect class="{kind}" x="{x[stop] - width // 2}" y="{y}" width="{width}" height="{HIGH}" rx="4"/>',
            f'<text x="{x[stop]}" y="{y + 17}">{escape(room)}</text>',
        ]
    return "\n".join((*lines, "</svg>", ""))


if __name__ == "__main__":
    PICTURE.write_text(svg(), encoding="utf-8", newline="\n")
    print(f"{PICTURE.relative_to(ROOT)} is drawn: {len(rooms())} rooms")
