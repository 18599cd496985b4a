"""Recordings as data: selections of episodes, exported to files and imported from them."""
