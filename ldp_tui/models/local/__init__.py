"""Any causal language model of transformers, in this process: `local/PATH` or `local/OWNER/NAME`; extra `local`.

`loading` finds, loads and shares models, `chat` is tokenizer, template and tool format, `network` computes, `cache`
holds keys and values of all rows, `batching` runs all requests together, `choices` is how replies are scored.
"""
