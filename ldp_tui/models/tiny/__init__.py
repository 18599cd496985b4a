"""A small language model that runs on NumPy alone, with its weights: what plays when no other model is configured.

`network` computes, `chat` is tokenizer and template, `batching` runs all open requests together, `backend` answers the
client's requests, `bundled` finds the model that comes with this package. `ldp_tui.training.demo_model` makes it.
"""
