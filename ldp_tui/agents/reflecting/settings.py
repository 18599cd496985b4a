"""How a reflecting player asks its model: the settings that people write."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from ldp_tui.agents.reflecting.conversation import HistoryUnit
from ldp_tui.agents.reflecting.prompt import ReplyForm
from ldp_tui.agents.simple import default_llm_config
from ldp_tui.core.settings import Settings
from ldp_tui.models.config import LLMConfig

Shown = Literal["start", "step", "reward", "return", "legal"]
OnFailure = Literal["fail", "default", "repeat"]
"""Where no action can be read: fail the episode · play the default action · play the last action again."""


class ReflectSettings(Settings):
    """What can be set of a reflecting player."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    llm_config: LLMConfig = Field(default_factory=default_llm_config, description="Which model is asked, and how.")
    form: ReplyForm = Field(default="json", description="json: an object with reflection and action · tool: a call.")
    choose: Literal["reply", "score"] = Field(
        default="reply", description="reply: what the model says · score: the most probable legal action, unsaid."
    )
    reflection: Literal["together", "apart", "none"] = Field(
        default="together", description="In the same reply as the action, in one of its own before it, or not at all."
    )
    history: int = Field(default=10, ge=0, description="Earlier turns that are shown.")
    history_unit: HistoryUnit = Field(default="turns", description="messages: counted as gym-llm does.")
    token_budget: int | None = Field(default=None, ge=1, description="Of a request; older turns are left out first.")
    summary_every: int = Field(default=0, ge=0, description="Every so many turns the model writes a note for itself.")
    action_rate: int = Field(default=1, ge=1, description="Ask at every so many steps; repeat the action in between.")
    show: tuple[Shown, ...] = Field(
        default=("start", "step", "reward", "return"), description="Told with each observation; `legal` lists actions."
    )
    pictures: int = Field(default=0, ge=0, description="The newest so many pictures are shown to a vision model.")
    weigh: bool = Field(
        default=True, description="Tell how probable each legal action was, where the model runs here and can say so."
    )
    instructions: str = Field(default="", description="Further text for the system prompt.")
    retries: int = Field(default=2, ge=0, description="How often a reply that cannot be read is corrected.")
    on_failure: OnFailure = Field(default="fail", description="What is done when that did not help.")
    default_action: Any = Field(default=None, description="For on_failure=default; else the environment's idle action.")

    @field_validator("show", mode="before")
    @classmethod
    def _read_show(cls, given: Any) -> Any:
        """On a command line: one word, or several joined by `+`."""
        return tuple(filter(None, given.split("+"))) if isinstance(given, str) else given

    @property
    def reflects(self) -> bool:
        """Whether a reply holds a reflection besides the action."""
        return self.reflection == "together"

    @property
    def temperature(self) -> float:
        """At which the first model of the chain is asked; 0 where none is set."""
        return float(self.llm_config.models[0].extra_params.get("temperature") or 0.0)
