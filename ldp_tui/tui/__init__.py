"""The terminal application: the only folder that knows Textual."""
