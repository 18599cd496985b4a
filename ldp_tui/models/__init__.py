"""Language models: the only folder that imports litellm, and only when a model is asked."""
