"""Rules of thumb for Gymnasium's grids: ways that a person would take at first sight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ldp_tui.agents.native import numbers_of

if TYPE_CHECKING:
    import gymnasium

_SOUTH, _NORTH, _EAST, _WEST, _PICK_UP, _DROP_OFF = range(6)
_ON_BOARD: Final = 4
_OPEN_ROW: Final = 2
"""The row of Taxi's city that no wall crosses."""

_LAKE_MOVES: Final = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""Row and column that FrozenLake's actions add: left, down, right, up."""


def frozen_lake(gym_env: gymnasium.Env[Any, Any]) -> Callable[[Any], int]:
    """The shortest way to the goal past the holes, as if the ice held; nothing is known of where one slips."""
    inner: Any = gym_env.unwrapped
    rows, cols = int(inner.nrow), int(inner.ncol)
    distance = _distances(inner.desc)

    def rule(observation: Any) -> int:
        row, col = divmod(int(observation), cols)
        ends = [(min(max(row + down, 0), rows - 1), min(max(col + right, 0), cols - 1)) for down, right in _LAKE_MOVES]
        return min(range(len(ends)), key=lambda action: distance.get(ends[action], rows * cols))

    return rule


def _distances(desc: Any) -> dict[tuple[int, int], int]:
    """Moves to the nearest goal from each tile that is no hole and from which there is a way."""
    rows, cols = desc.shape
    goals = [(row, col) for row in range(rows) for col in range(cols) if desc[row, col] == b"G"]
    found, waiting = dict.fromkeys(goals, 0), deque(goals)
    while waiting:
        row, col = waiting.popleft()
        for down, right in _LAKE_MOVES:
            tile = row + down, col + right
            inside = 0 <= tile[0] < rows and 0 <= tile[1] < cols
            if inside and tile not in found and desc[tile] in (b"F", b"S"):
                found[tile] = found[row, col] + 1
                waiting.append(tile)
    return found


def cliff_walking(gym_env: gymnasium.Env[Any, Any]) -> Callable[[Any], int]:
    """Up two rows, along with one row between oneself and the cliff, and down at the end: 15 moves."""
    inner: Any = gym_env.unwrapped
    rows, cols = inner.shape
    up, right, down = 0, 1, 2

    def rule(observation: Any) -> int:
        row, col = divmod(int(observation), int(cols))
        if col == cols - 1:
            return down
        return up if row > rows - 3 else right

    return rule


def taxi(gym_env: gymnasium.Env[Any, Any]) -> Callable[[Any], int]:
    """Change columns in the middle row, which has no walls; drive straight to the stop from there."""
    inner: Any = gym_env.unwrapped

    def rule(observation: Any) -> int:
        numbers = numbers_of(observation)
        row, col, passenger, destination = numbers if len(numbers) > 1 else (int(n) for n in inner.decode(numbers[0]))
        aboard = passenger == _ON_BOARD
        stop_row, stop_col = inner.locs[destination if aboard else passenger]
        if (row, col) == (stop_row, stop_col):
            return _DROP_OFF if aboard else _PICK_UP
        if col == stop_col:
            return _SOUTH if row < stop_row else _NORTH
        if row != _OPEN_ROW:
            return _SOUTH if row < _OPEN_ROW else _NORTH
        return _EAST if col < stop_col else _WEST

    return rule
