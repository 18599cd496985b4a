"""An evaluation in the shape of GSM8K: word problems, a calculator, a model, and how many it solves.

python examples/ldp/grade_school_maths.py                 # a scripted model on three problems
MODEL=openai/gpt-5-mini python examples/ldp/grade_school_maths.py --problems 40
"""

import argparse
import asyncio
import re
from collections.abc import Iterator

from model import a_model

from ldp_tui import TaskDataset
from ldp_tui.agents import SimpleAgent
from ldp_tui.alg import Evaluator, EvaluatorConfig, StoreTrajectoriesCallback
from ldp_tui.core.intervals import rate_interval


def worked_solutions(dataset: TaskDataset) -> Iterator[tuple[str, dict[str, str]]]:
    """What the scripted model says: the calculations of the written solution, then its answer; every third is wrong."""
    for number in range(len(dataset)):
        problem = dataset.get_new_env_by_idx(number).problems[0]
        for expression in re.findall(r"<<(.+?)=", problem.solution):
            yield "calculator", {"expr": expression}
        wrong = number % 3 == 2
        yield "submit_answer", {"answer": str(problem.value + 1 if wrong else problem.value)}


async def main(problems: int) -> None:
    """Play the first problems, and count."""
    dataset = TaskDataset.from_name("calculator")
    with a_model(worked_solutions(dataset)) as config:
        stored = StoreTrajectoriesCallback()
        evaluator = Evaluator(
            EvaluatorConfig(num_eval_iterations=problems, max_rollout_steps=10),
            agent=SimpleAgent(llm_config=config),
            dataset=dataset,
            callbacks=[stored],
        )
        await evaluator.evaluate()
    returns = [sum(step.reward for step in trajectory.steps) for trajectory in stored.eval_trajectories]
    rate = rate_interval(sum(return_ > 0 for return_ in returns), len(returns))
    print(f"solved {rate.mean:.0%} of {rate.n} problems, 95% interval {rate.low:.0%} to {rate.high:.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=3)
    asyncio.run(main(parser.parse_args().problems))
