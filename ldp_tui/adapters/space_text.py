"""Elements of Gymnasium spaces as short readable text: every space, and never a million numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import iterate
from numpy.typing import NDArray

Describe = Callable[[Any], str]

_SHOWN_NUMBERS: Final = 128
_SHOWN_ITEMS: Final = 20


def describe_for(space: spaces.Space[Any], names: Sequence[str] | None = None) -> Describe:
    """The text of a space's elements; `names` are the variables of a one-dimensional Box, or a Discrete's words."""
    if isinstance(space, spaces.Discrete):
        return _discrete(space, names)
    if isinstance(space, spaces.Box) and names is not None and space.shape == (len(names),):
        return _variables(names)
    for kind, build in _BUILDERS:
        if isinstance(space, kind):
            return build(space)
    return repr


def variables_text(space: spaces.Box, names: Sequence[str]) -> str:
    """One clause per variable of a vector, with its bounds where it has any."""
    low, high = (space.low + 0.0).tolist(), (space.high + 0.0).tolist()  # + 0.0: no "-0"
    return "; ".join(f"{name}{_bounds(a, b)}" for name, a, b in zip(names, low, high, strict=True))


def _bounds(low: float, high: float) -> str:
    if not np.isfinite(low) and not np.isfinite(high):
        return ""
    return f" ({low:.4g} to {high:.4g})".replace("-inf", "-∞").replace("inf", "∞")


def _discrete(space: spaces.Discrete[Any], names: Sequence[str] | None) -> Describe:
    if names is None:
        return lambda native: str(int(native))
    words, start = list(names), int(space.start)
    return lambda native: words[int(native) - start]


def _variables(names: Sequence[str]) -> Describe:
    template = ", ".join(f"{name.replace('%', '%%')} %.4g" for name in names)
    return lambda native: template % tuple(native.tolist())


def _array(space: spaces.Space[Any]) -> Describe:
    shape = space.shape or ()
    if len(shape) in {2, 3} and space.dtype == np.uint8 and shape[0] > 8 and shape[1] > 8:
        return _image
    if int(np.prod(shape)) <= _SHOWN_NUMBERS:
        return _numbers
    return _summary


def _numbers(native: Any) -> str:
    array = np.asarray(native)
    return _nested(array.tolist(), ".4g" if array.dtype.kind == "f" else "d")


def _nested(value: Any, form: str) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(item, form) for item in value)}]"
    return format(value, form)


def _image(native: Any) -> str:
    array = np.asarray(native)
    channels = {1: "grey", 3: "colour", 4: "colour"}.get(array.shape[2] if array.ndim == 3 else 1, "layered")
    size = f"{array.shape[1]}×{array.shape[0]}"
    return f"{channels} image of {size} pixels, mean brightness {array.mean():.0f} of 255"


def _summary(native: Any) -> str:
    array = np.asarray(native)
    shape = "×".join(str(length) for length in array.shape)
    kind = "vector" if array.ndim == 1 else "array"
    return f"{kind} of {shape} {array.dtype}, from {array.min():.4g} to {array.max():.4g}, mean {array.mean():.4g}"


def _dict(space: spaces.Dict) -> Describe:
    parts = {key: describe_for(part) for key, part in space.spaces.items()}

    def describe(native: Any) -> str:
        return "\n".join(_line(str(key), part(native[key])) for key, part in parts.items())

    return describe


def _tuple(space: spaces.Tuple[Any]) -> Describe:
    parts = [describe_for(part) for part in space.spaces]
    return lambda native: f"({', '.join(_inline(part(item)) for part, item in zip(parts, native, strict=True))})"


def _sequence(space: spaces.Sequence) -> Describe:
    item = describe_for(space.feature_space)

    def describe(native: Any) -> str:
        return _listed(list(iterate(space.stacked_feature_space, native)) if space.stack else native, item)

    return describe


def _graph(space: spaces.Graph) -> Describe:
    node = describe_for(space.node_space)
    edge = None if space.edge_space is None else describe_for(space.edge_space)

    def describe(native: Any) -> str:
        nodes = list(iterate(space.batch_node_space, native.nodes))
        text = f"{len(nodes)} nodes {_listed(nodes, node)}"
        if edge is None or native.edges is None:
            return f"graph of {text}, no edges"
        links = [f"{a}→{b}" for a, b in _pairs(native.edge_links)]
        edges = [edge(value) for value in iterate(space.batch_edge_space, native.edges)]
        joined = [f"{link} {_inline(value)}" for link, value in zip(links, edges, strict=True)]
        return f"graph of {text}, {len(joined)} edges {_listed(joined, str)}"

    return describe


def _one_of(space: spaces.OneOf[Any]) -> Describe:
    parts = [describe_for(part) for part in space.spaces]
    return lambda native: f"choice {int(native[0])}: {_inline(parts[int(native[0])](native[1]))}"


def _pairs(links: NDArray[Any]) -> list[tuple[int, int]]:
    return [(a, b) for a, b in np.asarray(links).tolist()]


def _listed(items: Sequence[Any], describe: Describe) -> str:
    shown = [_inline(describe(item)) for item in items[:_SHOWN_ITEMS]]
    rest = len(items) - len(shown)
    return f"[{', '.join(shown)}{f', … {rest} more' if rest else ''}]"


def _inline(text: str) -> str:
    return f"{{{text.replace(chr(10), ', ')}}}" if "\n" in text else text


def _line(name: str, text: str) -> str:
    if "\n" not in text:
        return f"{name}: {text}"
    indented = text.replace("\n", "\n  ")
    return f"{name}:\n  {indented}"


_BUILDERS: Final[list[tuple[type, Callable[[Any], Describe]]]] = [
    (spaces.Box, _array),
    (spaces.MultiDiscrete, _array),
    (spaces.MultiBinary, _array),
    (spaces.Text, lambda _: str),
    (spaces.Dict, _dict),
    (spaces.Tuple, _tuple),
    (spaces.Sequence, _sequence),
    (spaces.Graph, _graph),
    (spaces.OneOf, _one_of),
]
