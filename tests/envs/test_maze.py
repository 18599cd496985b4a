"""The maze environment: generation, the map, moves and limits."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest

from envs import maze
from tests.envs.calls import call, request

STEPS = {"north": (0, -1), "east": (1, 0), "south": (0, 1), "west": (-1, 0)}


def way_on_the_map(picture: str) -> list[str]:
    """Shortest way from @ to X, read from the text alone."""
    rows = picture.splitlines()
    at = {rows[y][x]: (x, y) for y in range(len(rows)) for x in range(len(rows[y]))}
    ways: dict[tuple[int, int], list[str]] = {at["@"]: []}
    queue = deque([at["@"]])
    while queue:
        x, y = queue.popleft()
        for name, (dx, dy) in STEPS.items():
            room = (x + 2 * dx, y + 2 * dy)
            if rows[y + dy][x + dx] != "#" and room not in ways:
                ways[room] = [*ways[x, y], name]
                queue.append(room)
    return ways[at["X"]]


@pytest.mark.parametrize("size", maze.SIZES)
@pytest.mark.parametrize("seed", range(8))
async def test_player_who_reads_the_map(size: str, seed: int) -> None:
    """The map shows the way: its length is the optimum, and walking it ends the episode with success."""
    env = maze.make(size=size)
    await env.reset(seed=seed)
    way = way_on_the_map(env.render())
    assert len(way) == env.info()["optimal"] == env.info()["distance"]
    total = 0.0
    for direction in way:
        _, reward, done, truncated = await call(env, "move", direction=direction)
        total += reward
    assert (done, truncated, env.success()) == (True, False, True)
    assert total == pytest.approx(1.0 - 0.01 * len(way))
    assert env.info()["moves"] == len(way)


@pytest.mark.parametrize("loops", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("width", "height"), [(2, 1), (1, 7), (5, 5), (30, 20)])
def test_generated_maze(width: int, height: int, loops: float) -> None:
    """Every room can be reached; without loops it is a tree, with all loops an open hall."""
    for seed in range(5):
        made = maze.generate(width, height, loops, Random(seed))
        distances = made.distances(made.start)
        assert len(distances) == width * height
        assert distances[made.exit] == max(distances.values()) > 0
        if loops == 0:
            assert len(made.passages) == width * height - 1
        if loops == 1:
            assert len(made.passages) == (width - 1) * height + width * (height - 1)


async def test_wall() -> None:
    """It stops the move, says so, and costs as much as a move."""
    env = maze.make()
    await env.reset(seed=0)
    legal = {action["arguments"].get("direction") for action in env.legal_actions()}
    blocked = next(direction for direction in STEPS if direction not in legal)
    text, reward, done, truncated = await call(env, "move", direction=blocked)
    assert text.startswith(f"There is a wall to the {blocked}.")
    assert (reward, done, truncated, env.info()["bumps"], env.info()["moves"]) == (-0.01, False, False, 1, 0)


async def test_direction_that_does_not_exist() -> None:
    """The answer lists the directions; nothing is counted."""
    env = maze.make()
    await env.reset(seed=0)
    text, reward, *_ = await call(env, "move", direction="up")
    assert '"north", "east", "south", "west"' in text
    assert (reward, env.state.calls) == (0.0, 0)


async def test_step_limit() -> None:
    """It truncates the episode without ending the task, also in the middle of a message."""
    env = maze.make(size="large", max_steps=3)
    await env.reset(seed=0)
    messages, _, done, truncated = await env.step(request(*[("look", {})] * 5))
    assert (done, truncated, env.success()) == (False, True, False)
    assert [message.content for message in messages[3:]] == [maze.EPISODE_OVER] * 2
    assert env.legal_actions() == []
    assert (await call(env, "look"))[1:] == (0.0, False, True)


async def test_look() -> None:
    """It shows the same map as render, with visited rooms marked."""
    env = maze.make()
    await env.reset(seed=2)
    await call(env, "move", **env.legal_actions()[0]["arguments"])
    text, *_ = await call(env, "look")
    assert text.startswith(env.render())
    assert env.render().count(".") == 1


async def test_identifier() -> None:
    """It is the same for the same maze and different for different ones."""
    env = maze.make()
    names = []
    for seed in (3, 3, 4):
        await env.reset(seed=seed)
        names.append(await env.get_id())
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("6x4-")


@pytest.mark.parametrize("options", [{"size": "huge"}, {"width": 1, "height": 1}, {"width": 99}, {"loops": 2.0}])
def test_option_out_of_range(options: dict[str, object]) -> None:
    """It is refused when the environment is made."""
    with pytest.raises(ValueError, match=r"size|rooms|loops"):
        maze.make(**options)
