"""The loop of LDP's README: an agent that asks a language model, in the smallest environment.

python examples/ldp/dummy_loop.py
"""

import asyncio

from model import a_model

from ldp_tui import DummyEnv
from ldp_tui.agents import SimpleAgent
from ldp_tui.testing.model_server import Says

SCRIPT = [
    ("cast_int", {"x": 3.7}),
    Says("Five words.", calls=[("print_story", {"story": "Once there was a cat."})]),
]


async def main() -> None:
    """Play one episode."""
    with a_model(SCRIPT) as config:
        env = DummyEnv()
        agent = SimpleAgent(llm_config=config)

        obs, tools = await env.reset()
        agent_state = await agent.init_state(tools=tools)

        done = truncated = False
        while not (done or truncated):
            action, agent_state, _ = await agent.get_asv(agent_state, obs)
            obs, reward, done, truncated = await env.step(action.value)
            print(action.value, "->", obs[0].content, f"(reward {reward:g})")


if __name__ == "__main__":
    asyncio.run(main())
