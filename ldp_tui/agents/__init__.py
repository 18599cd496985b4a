"""Players: people, scripts, and policies that need no language model."""
