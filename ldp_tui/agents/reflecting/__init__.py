"""The reflecting player: gym-llm's agent for any environment and any model.

`briefing` is what stays the same of a game, `prompt` the words, `telling` what is told of a step and heard of a reply,
`conversation` what is remembered, `requests` what is sent, `choices` what can be chosen among, `settings` what people
set, `agent` the player.
"""
