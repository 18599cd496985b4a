"""Remarks on tools: what a model would misread, and what keeps a function from becoming a tool at all."""
