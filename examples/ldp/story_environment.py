"""Aviary's functional environment: a start function, and tools that share its state.

ldp-tui play examples/ldp/story_environment.py --agent human
python examples/ldp/story_environment.py
"""

import asyncio
from typing import Any

from ldp_tui import Environment, ToolCall, ToolRequestMessage, fenv


@fenv.start()
def my_env(topic: str):
    """The first observation, and what the tools share."""
    return f"Write a 5 word story about {topic} and call print.", {"words": 5}


@my_env.tool()
def print_story(story: str, state) -> str:
    """Print the story and complete the task.

    Args:
        story: Five words.
        state: Given by the environment, never shown to a player.
    """
    state.done = True
    state.reward = float(len(story.split()) == state.words)
    return "Well done." if state.reward else f"These are {len(story.split())} words."


@my_env.tool()
async def think(thought: str) -> str:
    r"""Say what you think.
    \f
    What stands behind the form feed is for readers of this file: no player sees it.

    Args:
        thought: What you think.
    """
    return "Go on." if thought else "You thought nothing."


def make(topic: str = "the sea") -> Environment[Any]:
    """What the command line calls."""
    return my_env(topic=topic)


async def main() -> None:
    """Play it by hand."""
    env = my_env(topic="foo")
    obs, tools = await env.reset()
    print(obs[0].content, [tool.info.name for tool in tools])

    for call in (
        ToolCall.from_tool(tools[1], thought="Foo rhymes with zoo."),
        ToolCall.from_name("print_story", story="Foo ran to the zoo."),
    ):
        obs, reward, done, _ = await env.step(ToolRequestMessage(tool_calls=[call]))
        print(obs[0].content, reward, done)
    print(env.export_frame().model_dump_json())


if __name__ == "__main__":
    asyncio.run(main())
