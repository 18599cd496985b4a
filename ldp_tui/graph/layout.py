"""Layered layout of a sketch, in terminal cells; results flow downward.

The steps are Sugiyama's: layers by longest path, one place in each layer for every arrow that passes it, orders that
cross little (barycentres), positions near what they are connected to (isotonic regression). Between two layers is a
channel: all arrows of one result share a horizontal line there, and no two results share one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ldp_tui.graph import cells
from ldp_tui.graph.sketch import Box, Sketch

GAP = 2
"""Cells between neighbours of a layer."""
_SWEEPS = 4


@dataclass(slots=True, eq=False)
class Place:
    """Where a box is, or where an arrow passes a layer (`box` is None, one cell wide). `x`, `y` are the upper left."""

    net: str
    """Id of the box whose result this is, or whose result passes."""
    box: Box | None
    width: int
    height: int
    x: int = 0
    y: int = 0
    uses: list[Place] = field(default_factory=list)
    """Places of the next layer that the result goes to."""
    entries: dict[str, int] = field(default_factory=dict)
    """Column where each net comes in."""

    @property
    def exit(self) -> int:
        """Column where the result goes out."""
        return self.x + self.width // 2


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of an arrow: vertical or horizontal, ends included. `head` is True where it enters a box."""

    net: str
    x1: int
    y1: int
    x2: int
    y2: int
    head: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes with their places, and the lines of arrows, in cells."""

    width: int
    height: int
    places: tuple[Place, ...]
    lines: tuple[Line, ...]


def lay_out(sketch: Sketch) -> Layout:
    """Places and lines of a sketch."""
    layers = _layers(sketch)
    _order(layers)
    _set_columns(layers)
    lines: list[Line] = []
    y = 0
    for layer, following in zip(layers, [*layers[1:], []], strict=True):
        height = max(place.height for place in layer)
        for place in layer:
            place.y = y
            if place.box is None:
                place.height = height
        y += height
        y += _route(layer, following, y, lines)
    places = tuple(place for layer in layers for place in layer if place.box is not None)
    width = max([place.x + place.width for layer in layers for place in layer] + [line.x2 + 1 for line in lines])
    return Layout(width, y, places, tuple(lines))


def _layers(sketch: Sketch) -> list[list[Place]]:
    """Boxes by layer, inputs first; each result has a place in every layer it passes on its way to its uses."""
    sources, uses = defaultdict(list), defaultdict(list)
    for arrow in sketch.arrows:
        sources[arrow.target].append(arrow.source)
        uses[arrow.source].append(arrow.target)
    depths: dict[str, int] = {}
    for box in reversed(sketch.boxes):
        depths[box.id] = max((depths[source] + 1 for source in sources[box.id]), default=0)
    for box in sketch.boxes:  # what has no inputs stands right above its uses
        if not sources[box.id] and uses[box.id]:
            depths[box.id] = min(depths[use] for use in uses[box.id]) - 1
    places = {}
    for box in sketch.boxes:
        width = max(4 + max(map(cells.width, box.lines)), 2 + 3 * len(set(sources[box.id])))
        places[box.id] = Place(box.id, box, width, 2 + len(box.lines))
    layers: list[list[Place]] = [[] for _ in range(1 + max(depths.values()))]
    for box in sketch.boxes:
        layers[depths[box.id]].append(places[box.id])
    for box in sketch.boxes:
        place = places[box.id]
        targets = set(uses[box.id])
        for depth in range(depths[box.id] + 1, 1 + max((depths[use] for use in targets), default=0)):
            place.uses = [places[use] for use in sorted(targets) if depths[use] == depth]
            if any(depths[use] > depth for use in targets):
                passing = Place(box.id, None, 1, 0)
                layers[depth].append(passing)
                place.uses.append(passing)
                place = passing
    return layers


def _order(layers: list[list[Place]]) -> None:
    """Reorder each layer by the mean position of what its places are connected to, down and up in turn."""
    sources = _sources(layers)
    for _ in range(_SWEEPS):
        for upper, lower in pairwise(layers):
            _sort_by_mean(lower, upper, {id(place): sources[id(place)] for place in lower})
        for lower, upper in pairwise(reversed(layers)):
            _sort_by_mean(upper, lower, {id(place): place.uses for place in upper})


def _sort_by_mean(layer: list[Place], fixed: list[Place], connected: Mapping[int, Sequence[Place]]) -> None:
    positions = {id(place): index for index, place in enumerate(fixed)}
    means = {}
    for index, place in enumerate(layer):
        others = [positions[id(other)] for other in connected[id(place)]]
        means[id(place)] = sum(others) / len(others) if others else float(index)
    layer.sort(key=lambda place: means[id(place)])


def _sources(layers: list[list[Place]]) -> dict[int, list[Place]]:
    sources: dict[int, list[Place]] = defaultdict(list)
    for layer in layers:
        for place in layer:
            for use in place.uses:
                sources[id(use)].append(place)
    return sources


def _set_columns(layers: list[list[Place]]) -> None:
    """Columns: each place as near to the middle of its connections as the order and the gaps allow."""
    sources = _sources(layers)
    for layer in layers:
        _spread(layer, [0.0] * len(layer))
    for _ in range(_SWEEPS):
        for layer in layers[1:]:
            _spread(layer, [_middle(sources[id(place)], place) for place in layer])
        for layer in reversed(layers[:-1]):
            _spread(layer, [_middle(place.uses, place) for place in layer])
    left = min(place.x for layer in layers for place in layer)
    for layer in layers:
        for place in layer:
            place.x -= left


def _middle(others: Sequence[Place], place: Place) -> float:
    return sum(other.exit for other in others) / len(others) if others else float(place.exit)


def _spread(layer: list[Place], wanted: Sequence[float]) -> None:
    """Columns nearest (in squares) to the wanted middles that keep order and gaps: pool-adjacent-violators."""
    offsets, offset = [], 0
    for place in layer:
        offsets.append(offset)
        offset += place.width + GAP
    pools: list[tuple[float, int]] = []
    for place, middle, start in zip(layer, wanted, offsets, strict=True):
        pools.append((middle - place.width // 2 - start, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, low_count), (high, high_count) = pools[-2:]
            count = low_count + high_count
            pools[-2:] = [((low * low_count + high * high_count) / count, count)]
    levels = [round(level) for level, count in pools for _ in range(count)]
    for place, level, start in zip(layer, levels, offsets, strict=True):
        place.x = level + start


def _route(layer: list[Place], following: list[Place], top: int, lines: list[Line]) -> int:
    """Draw the arrows from `layer` to `following`; gives the height of the channel between them."""
    exits = {place.exit: place.net for place in layer if place.uses}
    for target in following:
        _set_entries(target, [place for place in layer if target in place.uses], exits)
    spans = {}
    for place in layer:
        columns = [place.exit, *(use.entries[place.net] for use in place.uses)]
        if len(set(columns)) > 1:
            spans[place.net] = (min(columns), max(columns))
    tracks = _tracks(spans)
    height = 1 + max(tracks.values(), default=0) if following else 0
    for place in layer:
        if not place.uses:
            continue
        track = top + tracks.get(place.net, 0)
        start = place.y if place.box is None else place.y + place.height - 1
        lines.append(Line(place.net, place.exit, start, place.exit, track))
        if place.net in spans:
            left, right = spans[place.net]
            lines.append(Line(place.net, left, track, right, track))
        for use in place.uses:
            column = use.entries[place.net]
            lines.append(Line(place.net, column, track, column, top + height, head=use.box is not None))
    return height


def _set_entries(target: Place, sources: list[Place], exits: Mapping[int, str]) -> None:
    """A column of the target for each result that comes in, from left to right, off the columns of other exits."""
    if target.box is None:
        net = target.net
        for shift in (0, 1, -1):
            if exits.get(target.x + shift, net) == net:
                target.x += shift
                break
        target.entries[net] = target.x
        return
    sources = sorted(sources, key=lambda place: place.exit)
    foreign = {column for column, net in exits.items() if net not in {place.net for place in sources}}
    columns = [column for column in range(target.x + 1, target.x + target.width - 1) if column not in foreign]
    start = 0
    for index, place in enumerate(sources):
        wanted = target.x + (index + 1) * target.width // (len(sources) + 1)
        if len(sources) == 1 and abs(place.exit - wanted) < target.width // 4:
            wanted = place.exit  # straight down
        stop = len(columns) - (len(sources) - index - 1)
        free = [at for at in range(start, stop) if exits.get(columns[at], place.net) == place.net]
        chosen = min(free or range(start, stop), key=lambda at: abs(columns[at] - wanted))
        target.entries[place.net] = columns[chosen]
        start = chosen + 1


def _tracks(spans: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """A row of the channel for each result whose arrows bend, from 0; results that would touch have different rows."""
    tracks: dict[str, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for net, (left, right) in sorted(spans.items(), key=lambda item: item[1]):
        rows = (row for row, spans_in_it in enumerate(taken) if all(end + 1 < left for _, end in spans_in_it))
        tracks[net] = next(rows, len(taken))
        if tracks[net] == len(taken):
            taken.append([])
        taken[tracks[net]].append((left, right))
    return tracks
