"""Training: from recordings to models that play."""
