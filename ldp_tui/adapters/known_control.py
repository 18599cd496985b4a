"""Classic control and Box2D environments: rules, names of variables and actions, and keys."""

from __future__ import annotations

from typing import Any, Final

from ldp_tui.adapters.gymnasium_family import Family

_LANDER_VARIABLES: Final = (
    "x", "y", "x velocity", "y velocity", "angle", "angular velocity", "left leg contact", "right leg contact",
)  # fmt: skip
_WALKER_VARIABLES: Final = (
    "hull angle", "hull angular velocity", "x velocity", "y velocity",
    "hip 1 angle", "hip 1 speed", "knee 1 angle", "knee 1 speed", "leg 1 contact",
    "hip 2 angle", "hip 2 speed", "knee 2 angle", "knee 2 speed", "leg 2 contact",
    *(f"lidar {i}" for i in range(10)),
)  # fmt: skip


def _cart_pole_goal(env: Any) -> str:
    reward = "-1 when it falls" if env._sutton_barto_reward else "+1 a step"
    return (
        "Keep the pole on the cart upright by pushing the cart. The episode ends when the pole leans more than "
        f"0.2095 rad (12°) or the cart leaves -2.4 to 2.4. Reward: {reward}."
    )


def _mountain_car_goal(env: Any) -> str:
    goal, continuous = env.goal_position, hasattr(env, "power")
    reward = "+100 at the flag, minus 0.1 × action² a step" if continuous else "-1 a step"
    return (
        f"Get the car up the right hill to the flag at position {goal:g}. The engine is too weak to drive straight "
        f"up: swing back and forth. The valley's bottom is near -0.5. Reward: {reward}."
    )


def _pendulum_goal(_env: Any) -> str:
    return (
        "Swing the pendulum up and hold it upright (cos 1, sin 0) with little torque; positive torque turns "
        "counter-clockwise. Reward a step: -(angle² + 0.1 × velocity² + 0.001 × torque²), angle 0 being upright. "
        "The episode has a fixed length."
    )


def _acrobot_goal(_env: Any) -> str:
    return (
        "Two links hang from a fixed point; only the joint between them has a motor. Swing the free end above the "
        "line one link length over the fixed point (-cos θ1 - cos(θ1 + θ2) > 1; θ1 = 0 hangs down, θ2 is relative "
        "to it). Reward: -1 a step."
    )


def _lander_goal(env: Any) -> str:
    wind = " There is wind." if env.enable_wind else ""
    engines = (
        " The main engine is off at 0 or below and runs at 50% to 100% above; the side engines fire beyond ±0.5."
        if env.continuous
        else ""
    )
    return (
        "Land softly between the flags at x 0, y 0, upright and on both legs. Reward grows as the lander comes "
        "nearer, slower and straighter; +10 for each leg on the ground, -0.3 a step of main engine, -0.03 of a "
        "side engine; +100 for coming to rest, -100 for a crash or flying off (|x| > 1), either of which ends the "
        f"episode. 200 points count as solved.{engines}{wind}"
    )


def _walker_goal(env: Any) -> str:
    ground = "over ladders, stumps and pits" if env.hardcore else "over slightly uneven ground"
    return (
        f"Walk the two-legged robot to the right {ground}, by motor speeds of hips and knees. Reward for moving "
        "forward, 300 in all; torque costs a little; the hull touching the ground gives -100 and ends the episode."
    )


def _racing_goal(_env: Any) -> str:
    return (
        "Drive around the track, seen from above in the picture (road grey, grass green). Reward: 1000 / N for "
        "each of the N track tiles visited, -0.1 a step; leaving the field gives -100. Do not accelerate while "
        "turning: the car is rear-driven."
    )


CART_POLE: Final = Family(
    goal=_cart_pole_goal,
    actions=("push left", "push right"),
    variables=("cart position", "cart velocity", "pole angle", "pole angular velocity"),
    keys={"left": "push left", "right": "push right"},
    idle=("push left", "push right"),
)
MOUNTAIN_CAR: Final = Family(
    goal=_mountain_car_goal,
    actions=("accelerate left", "coast", "accelerate right"),
    variables=("position", "velocity"),
    keys={"left": "accelerate left", "right": "accelerate right", "down": "coast", "space": "coast"},
    idle=("coast",),
)
MOUNTAIN_CAR_CONTINUOUS: Final = Family(
    goal=_mountain_car_goal,
    components=("force",),
    variables=("position", "velocity"),
    keys={"left": -1.0, "right": 1.0, "a": -0.5, "d": 0.5, "down": 0.0, "space": 0.0},
    idle=(0.0,),
)
PENDULUM: Final = Family(
    goal=_pendulum_goal,
    components=("torque",),
    variables=("cos of angle", "sin of angle", "angular velocity"),
    keys={"left": 2.0, "right": -2.0, "a": 1.0, "d": -1.0, "down": 0.0, "space": 0.0},
    idle=(0.0,),
)
ACROBOT: Final = Family(
    goal=_acrobot_goal,
    actions=("negative torque", "no torque", "positive torque"),
    variables=("cos θ1", "sin θ1", "cos θ2", "sin θ2", "angular velocity 1", "angular velocity 2"),
    keys={"left": "negative torque", "right": "positive torque", "down": "no torque", "space": "no torque"},
    idle=("no torque",),
)
LUNAR_LANDER: Final = Family(
    goal=_lander_goal,
    actions=("nothing", "left engine", "main engine", "right engine"),
    variables=_LANDER_VARIABLES,
    keys={"left": "left engine", "up": "main engine", "right": "right engine", "down": "nothing", "space": "nothing"},
    idle=("nothing",),
)
LUNAR_LANDER_CONTINUOUS: Final = Family(
    goal=_lander_goal,
    components=("main engine", "side engines (- left, + right)"),
    variables=_LANDER_VARIABLES,
    keys={
        "left": [0.0, -1.0], "up": [1.0, 0.0], "right": [0.0, 1.0], "down": [0.0, 0.0], "space": [0.0, 0.0],
        "q": [1.0, -1.0], "w": [0.5, 0.0], "e": [1.0, 1.0],
    },
    idle=([0.0, 0.0],),
)  # fmt: skip
BIPEDAL_WALKER: Final = Family(
    goal=_walker_goal,
    components=("hip 1", "knee 1", "hip 2", "knee 2"),
    variables=_WALKER_VARIABLES,
    keys={
        "q": [1.0, 0.0, 0.0, 0.0], "a": [-1.0, 0.0, 0.0, 0.0], "w": [0.0, 1.0, 0.0, 0.0], "s": [0.0, -1.0, 0.0, 0.0],
        "e": [0.0, 0.0, 1.0, 0.0], "d": [0.0, 0.0, -1.0, 0.0], "r": [0.0, 0.0, 0.0, 1.0], "f": [0.0, 0.0, 0.0, -1.0],
        "left": [1.0, 0.0, -1.0, 0.0], "right": [-1.0, 0.0, 1.0, 0.0], "up": [0.0, 1.0, 0.0, 1.0],
        "down": [0.0, -1.0, 0.0, -1.0], "space": [0.0, 0.0, 0.0, 0.0],
    },
    idle=([0.0, 0.0, 0.0, 0.0],),
)  # fmt: skip
CAR_RACING: Final = Family(
    goal=_racing_goal,
    components=("steering (- left, + right)", "gas", "brake"),
    keys={
        "left": [-0.6, 0.0, 0.0], "right": [0.6, 0.0, 0.0], "up": [0.0, 0.6, 0.0], "down": [0.0, 0.0, 0.8],
        "a": [-1.0, 0.0, 0.0], "d": [1.0, 0.0, 0.0], "w": [0.0, 1.0, 0.0], "s": [0.0, 0.0, 1.0],
        "space": [0.0, 0.0, 0.0],
    },
    idle=([0.0, 0.0, 0.0],),
)  # fmt: skip
CAR_RACING_DISCRETE: Final = Family(
    goal=_racing_goal,
    actions=("nothing", "steer right", "steer left", "gas", "brake"),
    keys={"left": "steer left", "right": "steer right", "up": "gas", "down": "brake", "space": "nothing"},
    idle=("nothing",),
)
