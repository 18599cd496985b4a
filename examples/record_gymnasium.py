"""Record any Gymnasium loop by wrapping the environment; look at it with `ldp-tui ls --db cartpole.db`."""

import gymnasium

from ldp_tui import RecordEpisodes

env = RecordEpisodes(gymnasium.make("CartPole-v1"), db="cartpole.db", agent="leans with the pole")
for seed in range(3):
    observation, info = env.reset(seed=seed)
    ended = False
    while not ended:
        observation, reward, terminated, truncated, info = env.step(int(observation[2] > 0))
        ended = terminated or truncated
env.close()
print("Three episodes are in cartpole.db.")
