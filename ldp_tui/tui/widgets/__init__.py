"""Widgets receive values and post messages; screens decide what they mean."""
