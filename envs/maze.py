"""A text maze: find the exit in as few moves as you can."""

import random
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ldp_tui import Environment, Frame, Message, Messages, Tool, ToolRequestMessage

Cell = tuple[int, int]
"""Column and row, from the north-west corner."""
Direction = Literal["north", "east", "south", "west"]

OFFSETS: dict[Direction, Cell] = {"north": (0, -1), "east": (1, 0), "south": (0, 1), "west": (-1, 0)}
SIZES = {"small": (6, 4), "medium": (12, 8), "large": (20, 12)}

INSTRUCTIONS = (
    "You (@) are in a maze. Walk to the exit (X) in as few moves as you can: move goes one room in a direction, look "
    "shows the map again. On the map # is a wall and . marks rooms you have visited. North is up."
)
EPISODE_OVER = "The episode is over; nothing more is counted."


@dataclass(frozen=True, slots=True)
class Maze:
    """Rooms in a grid. `passages` holds each open pair of neighbours, the smaller cell first."""

    width: int
    height: int
    passages: frozenset[tuple[Cell, Cell]]
    start: Cell
    exit: Cell

    def neighbours(self, cell: Cell) -> Iterator[tuple[Direction, Cell]]:
        """Open directions from `cell` with the room behind each."""
        for direction, (dx, dy) in OFFSETS.items():
            other = (cell[0] + dx, cell[1] + dy)
            if _passage(cell, other) in self.passages:
                yield direction, other

    def distances(self, origin: Cell) -> dict[Cell, int]:
        """Moves from `origin` to every room, by breadth-first search."""
        found = {origin: 0}
        queue = deque([origin])
        while queue:
            cell = queue.popleft()
            for _, other in self.neighbours(cell):
                if other not in found:
                    found[other] = found[cell] + 1
                    queue.append(other)
        return found


def generate(width: int, height: int, loops: float, rng: random.Random) -> Maze:
    """A maze in which every room can be reached; `loops` is the share of the remaining walls that are opened as well.

    A depth-first walk carves a tree of passages. The exit is a room as far from the start as there is.
    """
    start = (rng.randrange(width), rng.randrange(height))
    carved: set[tuple[Cell, Cell]] = set()
    visited, path = {start}, [start]
    while path:
        unvisited = [cell for cell in _adjacent(path[-1], width, height) if cell not in visited]
        if not unvisited:
            path.pop()
            continue
        chosen = rng.choice(unvisited)
        carved.add(_passage(path[-1], chosen))
        visited.add(chosen)
        path.append(chosen)
    for x in range(width):
        for y in range(height):
            for other in _adjacent((x, y), width, height):
                if (x, y) < other and _passage((x, y), other) not in carved and rng.random() < loops:
                    carved.add(_passage((x, y), other))
    open_maze = Maze(width, height, frozenset(carved), start, start)
    distances = open_maze.distances(start)
    return Maze(width, height, open_maze.passages, start, max(distances, key=lambda cell: (distances[cell], cell)))


def _adjacent(cell: Cell, width: int, height: int) -> list[Cell]:
    around = [(cell[0] + dx, cell[1] + dy) for dx, dy in OFFSETS.values()]
    return [(x, y) for x, y in around if 0 <= x < width and 0 <= y < height]


def _passage(one: Cell, other: Cell) -> tuple[Cell, Cell]:
    return (one, other) if one < other else (other, one)


@dataclass(slots=True)
class MazeState:
    """Where the player is and what it took; `reward` is of the newest step alone."""

    maze: Maze
    position: Cell
    optimal: int
    moves: int = 0
    bumps: int = 0
    calls: int = 0
    visited: set[Cell] = field(default_factory=set)
    reward: float = 0.0
    done: bool = False
    truncated: bool = False


class MazeEnv(Environment[MazeState]):
    """A new maze per episode, drawn from the seed.

    Args:
        size: `small`, `medium` or `large`; `width` and `height` (in rooms) override it.
        loops: Share of the walls opened beyond what reaching every room needs.
        max_steps: Calls (moves and looks) after which the episode is truncated; by default 4 per room.
        exit_reward: For reaching the exit.
        move_reward: For each attempted move.
    """

    def __init__(
        self,
        *,
        size: str = "small",
        width: int | None = None,
        height: int | None = None,
        loops: float = 0.1,
        max_steps: int | None = None,
        exit_reward: float = 1.0,
        move_reward: float = -0.01,
    ) -> None:
        if size not in SIZES:
            raise ValueError(f"Unknown size {size!r}; the sizes are {', '.join(SIZES)}.")
        self.width, self.height = width or SIZES[size][0], height or SIZES[size][1]
        if not (1 <= self.width <= 60 and 1 <= self.height <= 60 and self.width * self.height > 1):
            raise ValueError("A maze is 1 to 60 rooms wide and high, and has at least two rooms.")
        if not 0 <= loops <= 1:
            raise ValueError("loops is a share between 0 and 1.")
        self.loops = loops
        self.max_steps = max_steps or 4 * self.width * self.height
        self.exit_reward = exit_reward
        self.move_reward = move_reward

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Draw a maze and put the player at its start."""
        maze = generate(self.width, self.height, self.loops, random.Random(seed))
        optimal = maze.distances(maze.start)[maze.exit]
        self.state = MazeState(maze, maze.start, optimal, visited={maze.start})
        self.tools = [Tool.from_function(self.move), Tool.from_function(self.look)]
        return [Message(content=f"{INSTRUCTIONS}\n\n{self._view()}")], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the calls in their order. Text alone moves nobody and costs nothing."""
        state = self.state
        if state.done or state.truncated:
            return [Message(content=EPISODE_OVER)], 0.0, state.done, state.truncated
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        state.reward = 0.0
        answers = await self.exec_tool_calls(action, concurrency=False, handle_tool_exc=True)
        return [*answers], state.reward, state.done, state.truncated

    def move(self, direction: Direction) -> str:
        """Walk to the next room.

        Args:
            direction: north (up), east (right), south (down) or west (left)
        """
        state = self.state
        if state.done or state.truncated:
            return EPISODE_OVER
        state.reward += self.move_reward
        target = dict(state.maze.neighbours(state.position)).get(direction)
        if target is None:
            state.bumps += 1
            self._count_call()
            return f"There is a wall to the {direction}. {self._where()}"
        state.position = target
        state.moves += 1
        state.visited.add(target)
        if target == state.maze.exit:
            state.done = True
            state.reward += self.exit_reward
            return f"You are at the exit after {state.moves} moves; the shortest way has {state.optimal}."
        self._count_call()
        return self._where()

    def look(self) -> str:
        """Look at the map with your position on it."""
        if self.state.done or self.state.truncated:
            return EPISODE_OVER
        self._count_call()
        return self._view()

    def _count_call(self) -> None:
        self.state.calls += 1
        self.state.truncated = self.state.calls >= self.max_steps

    def _where(self) -> str:
        column, row = self.state.position
        ways = ", ".join(direction for direction, _ in self.state.maze.neighbours(self.state.position))
        return f"You are in column {column + 1}, row {row + 1}. Open: {ways}."

    def _view(self) -> str:
        return f"{draw(self.state)}\n{self._where()}"

    def legal_actions(self) -> list[dict[str, Any]]:
        """Moves that no wall blocks, and look."""
        if self.state.done or self.state.truncated:
            return []
        moves = [direction for direction, _ in self.state.maze.neighbours(self.state.position)]
        walks = [{"name": "move", "arguments": {"direction": move}} for move in moves]
        return [*walks, {"name": "look", "arguments": {}}]

    async def get_id(self) -> str:
        """Size and fingerprint of the maze, such as `6x4-1a2b3c4d`; the same for the same maze."""
        maze = self.state.maze
        layout = repr((sorted(maze.passages), maze.start, maze.exit))
        return f"{maze.width}x{maze.height}-{zlib.crc32(layout.encode()):08x}"

    def success(self) -> bool:
        """Whether the player stands at the exit."""
        return self.state.done

    def info(self) -> dict[str, Any]:
        """Shortest path, moves so far, and the moves that are left on the shortest way from here."""
        state = self.state
        return {
            "optimal": state.optimal,
            "moves": state.moves,
            "bumps": state.bumps,
            "calls_left": self.max_steps - state.calls,
            "distance": state.maze.distances(state.position)[state.maze.exit],
        }

    def export_frame(self) -> Frame:
        """The map as rows of text, and the positions as `[column, row]`."""
        state = self.state
        return Frame(
            state={
                "map": draw(state).splitlines(),
                "position": [*state.position],
                "exit": [*state.maze.exit],
                "done": state.done,
                "truncated": state.truncated,
            },
            info=self.info(),
        )

    def render(self) -> str:
        """The map."""
        return draw(self.state)


def draw(state: MazeState) -> str:
    """The map: each room is one character, with walls and passages between rooms."""
    maze = state.maze
    rows = [["#"] * (2 * maze.width + 1) for _ in range(2 * maze.height + 1)]
    for x in range(maze.width):
        for y in range(maze.height):
            rows[2 * y + 1][2 * x + 1] = "." if (x, y) in state.visited else " "
    for (x1, y1), (x2, y2) in maze.passages:
        rows[y1 + y2 + 1][x1 + x2 + 1] = " "
    for mark, (x, y) in (("X", maze.exit), ("@", state.position)):
        rows[2 * y + 1][2 * x + 1] = mark
    return "\n".join("".join(row) for row in rows)


make = MazeEnv
