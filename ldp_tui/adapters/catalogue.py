"""The environments of Gymnasium as a static table, so that they can be listed without importing Gymnasium."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One registered id. `extra` is what `gymnasium[…]` needs beyond this package's own dependencies, or ""."""

    id: str
    group: str
    extra: str
    description: str
    actions: str
    observation: str
    keys: str


_ARROWS: Final = "arrows"
_LEFT_RIGHT: Final = "← →"
_TORQUES: Final = "torques on the joints"
_STATE: Final = "positions and velocities of the body"


def _toy(id_: str, description: str, actions: str, observation: str, keys: str) -> CatalogueEntry:
    return CatalogueEntry(id_, "toy text", "", description, actions, observation, keys)


def _classic(id_: str, description: str, actions: str, observation: str, keys: str) -> CatalogueEntry:
    return CatalogueEntry(id_, "classic control", "", description, actions, observation, keys)


def _box2d(id_: str, description: str, actions: str, observation: str, keys: str) -> CatalogueEntry:
    return CatalogueEntry(id_, "box2d", "", description, actions, observation, keys)


def _mujoco(name: str, actions: int, description: str) -> list[CatalogueEntry]:
    return [
        CatalogueEntry(f"{name}-{version}", "mujoco", "mujoco", description, f"{actions} {_TORQUES}", _STATE, "")
        for version in ("v4", "v5")
    ]


def _jax(id_: str, description: str, actions: str, observation: str, keys: str) -> CatalogueEntry:
    return CatalogueEntry(id_, "jax", "jax", description, actions, observation, keys)


CATALOGUE: Final[tuple[CatalogueEntry, ...]] = (
    _toy(
        "Blackjack-v1", "Beat the dealer without going over 21.", "stick, hit", "sum, dealer's card, usable ace", "h, s"
    ),
    _toy("CliffWalking-v1", "Walk along a cliff to the goal.", "4 directions", "position", _ARROWS),
    _toy("CliffWalkingSlippery-v1", "Walk along a cliff on a slippery floor.", "4 directions", "position", _ARROWS),
    _toy(
        "FrozenLake-v1", "Cross a slippery 4×4 lake around its holes.", "4 directions", "position on the map", _ARROWS
    ),
    _toy(
        "FrozenLake8x8-v1",
        "Cross a slippery 8×8 lake around its holes.",
        "4 directions",
        "position on the map",
        _ARROWS,
    ),
    _toy(
        "Taxi-v4",
        "Fetch a passenger and bring them to their stop.",
        "4 directions, pickup, dropoff",
        "taxi, passenger, destination",
        "arrows, p, d",
    ),
    _classic("CartPole-v0", "Balance a pole on a cart, 200 steps.", "push left or right", "4 numbers", _LEFT_RIGHT),
    _classic("CartPole-v1", "Balance a pole on a cart, 500 steps.", "push left or right", "4 numbers", _LEFT_RIGHT),
    _classic("MountainCar-v0", "Rock a weak car up a hill.", "left, coast, right", "position, velocity", "← ↓ →"),
    _classic(
        "MountainCarContinuous-v0", "Rock a weak car up a hill, by force.", "force", "position, velocity", "← ↓ →, a, d"
    ),
    _classic("Acrobot-v1", "Swing a two-link robot above a line.", "torque -1, 0, +1", "6 numbers", "← ↓ →"),
    _classic("Pendulum-v1", "Swing a pendulum up and hold it.", "torque", "3 numbers", "← ↓ →, a, d"),
    _box2d("LunarLander-v3", "Land between two flags.", "3 engines or none", "8 numbers", _ARROWS),
    _box2d(
        "LunarLanderContinuous-v3",
        "Land between two flags, with throttles.",
        "2 throttles",
        "8 numbers",
        "arrows, q, w, e",
    ),
    _box2d("BipedalWalker-v3", "Walk on two legs.", "4 motor speeds", "24 numbers", "q a, w s, e d, r f"),
    _box2d(
        "BipedalWalkerHardcore-v3",
        "Walk on two legs over obstacles.",
        "4 motor speeds",
        "24 numbers",
        "q a, w s, e d, r f",
    ),
    _box2d(
        "CarRacing-v3",
        "Drive around a track seen from above.",
        "steering, gas, brake",
        "96×96 picture",
        "arrows, w a s d",
    ),
    *_mujoco("Ant", 8, "Run forward on four legs."),
    *_mujoco("HalfCheetah", 6, "Run forward on two legs in a plane."),
    *_mujoco("Hopper", 3, "Hop forward on one leg."),
    *_mujoco("Humanoid", 17, "Walk forward upright."),
    *_mujoco("HumanoidStandup", 17, "Stand up from lying on the back."),
    *_mujoco("InvertedDoublePendulum", 1, "Balance two linked poles on a cart."),
    *_mujoco("InvertedPendulum", 1, "Balance a pole on a cart."),
    *_mujoco("Pusher", 7, "Push an object to a target with an arm."),
    *_mujoco("Reacher", 2, "Reach a target with a two-joint arm."),
    *_mujoco("Swimmer", 2, "Swim forward with three links."),
    *_mujoco("Walker2d", 6, "Walk forward on two legs in a plane."),
    _jax(
        "phys2d/CartPole-v0", "Balance a pole on a cart, 200 steps, in JAX.", "push left or right", "4 numbers", "0, 1"
    ),
    _jax(
        "phys2d/CartPole-v1", "Balance a pole on a cart, 500 steps, in JAX.", "push left or right", "4 numbers", "0, 1"
    ),
    _jax("phys2d/Pendulum-v0", "Swing a pendulum up and hold it, in JAX.", "torque", "3 numbers", ""),
    _jax("tabular/Blackjack-v0", "Beat the dealer without going over 21, in JAX.", "stick, hit", "3 numbers", "0, 1"),
    _jax("tabular/CliffWalking-v0", "Walk along a cliff to the goal, in JAX.", "4 directions", "position", "0 to 3"),
)

BY_ID: Final = {entry.id: entry for entry in CATALOGUE}
