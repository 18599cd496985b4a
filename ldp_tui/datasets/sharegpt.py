"""ShareGPT conversations: turns `from` somebody with a `value`, and for each whether it is trained on.

Calls and their answers stand in the text as in Nous' function-calling data: `<tool_call>`, `<tool_response>`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.played import LeftOut, conversation, json_line, json_text, played_episodes
from ldp_tui.datasets.transcript import tool_definitions
from ldp_tui.store.reader import Reader

_FROM: Final = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool", "function": "tool"}


def write_sharegpt(reader: Reader, ids: Iterable[int], path: Path, *, reflections: bool = True) -> Exported:
    """Write one line per episode: `conversations` (`from`, `value`, `train`), `tools` as JSON text, `images` if any.

    `train` is true for the player's turns, but for steps that are masked. In a `value` `<image>` stands for the next
    of `images`.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    steps = 0
    members: list[str] = []
    left_out: LeftOut = []
    with whole_file(path) as file:
        for episode, ended, taken in played_episodes(reader, ids, left_out):
            started = episode.started
            said = conversation(started, taken, reflections=reflections)
            masked = reader.masked_rows(episode.header.summary.id)
            trained = {place for index, place in enumerate(said.actions) if index + 1 not in masked}
            images: list[str] = []
            turns = [_turn(message, images, train=place in trained) for place, message in enumerate(said.messages)]
            row = {
                "conversations": turns,
                "tools": json_text(tool_definitions(started)),
                "episode": started.uid,
                "environment": started.environment.name,
                "agent": started.agent.name,
                "seed": None if started.seed is None else str(started.seed),
                "return": ended.return_,
            }
            file.write(json_line({**row, "images": images} if images else row))
            members.append(started.uid)
            steps += len(taken)
    return Exported(path, len(members), steps, tuple(left_out), tuple(members))


def _turn(message: dict[str, Any], images: list[str], *, train: bool) -> dict[str, Any]:
    text = _text(message["content"], images)
    speaker = _FROM[message["role"]]
    if speaker == "tool":
        answer = {"name": message.get("name"), "content": text}
        text = f"<tool_response>\n{json_text(answer)}\n</tool_response>"
    for call in message.get("tool_calls", ()):
        text += ("\n" if text else "") + f"<tool_call>\n{json_text(call['function'])}\n</tool_call>"
    return {"from": speaker, "value": text, "train": train}


def _text(content: str | list[Any], images: list[str]) -> str:
    if isinstance(content, str):
        return content
    parts: list[str] = []
    for block in content:
        if block.get("type") == "image_url":
            url = block["image_url"]
            images.append(url["url"] if isinstance(url, dict) else url)
            parts.append("<image>")
        else:
            parts.append(str(block.get("text", "")))
    return "\n".join(parts)
