"""Makes the bundled tiny model from nothing: `python -m ldp_tui.training.demo_model --out DIR`.

`record` lets a teacher that plays perfectly play, and stores its episodes; `examples` reads them back and turns them
into the conversations that the reflecting player has; `tokenizer`, `network` and `train` make a model of them;
`evaluate` plays it and writes its card.
"""
