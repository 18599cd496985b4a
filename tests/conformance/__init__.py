"""aviary's and LDP's own published tests, run unmodified against this package: `make conformance`.

`python -m tests.conformance` downloads their source distributions into a temporary folder, runs the tests there in an
environment in which neither package is installed, with their module names standing for ours (`aliases.py`), and
compares the outcome with `expected/`. Nothing here is collected by the default test run.
"""
