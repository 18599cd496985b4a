"""Random values out of a JSON Schema, as a player who knows nothing else would choose them."""

from __future__ import annotations

import random
import re
from typing import Any


def sample(schema: dict[str, Any], rng: random.Random) -> Any:
    if "anyOf" in schema:
        return sample(rng.choice(schema["anyOf"]), rng)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    match schema["type"]:
        case "integer":
            return rng.randint(schema.get("minimum", -1000), schema.get("maximum", 1000))
        case "number":
            return rng.uniform(schema.get("minimum", -1000.0), schema.get("maximum", 1000.0))
        case "string":
            return "".join(
                rng.choice(_characters(schema)) for _ in range(rng.randint(schema["minLength"], schema["maxLength"]))
            )
        case "array":
            if "prefixItems" in schema:
                return [sample(item, rng) for item in schema["prefixItems"]]
            low = schema.get("minItems", 0)
            return [sample(schema["items"], rng) for _ in range(rng.randint(low, schema.get("maxItems", low + 3)))]
        case "object":
            return {name: sample(part, rng) for name, part in schema["properties"].items()}
        case kind:
            assert kind == "null"
            return None


def _characters(schema: dict[str, Any]) -> str:
    return re.sub(r"\\(.)", r"\1", schema["pattern"].removeprefix("^[").removesuffix("]*$"))
