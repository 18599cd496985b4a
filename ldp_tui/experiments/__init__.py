"""Experiments: players × environments × seeds from one file, resumable, summed up beside the references."""
