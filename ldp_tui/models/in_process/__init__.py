"""What every model that runs in this process has in common, whatever computes it: a thread, requests, replies.

`generation` is what is asked of a model, `thread` runs all of it together, `prefixes` remembers what was read,
`parts` finds reasoning and tool calls in the text, `writing` turns tokens into deltas, `answering` is the back end.
"""
