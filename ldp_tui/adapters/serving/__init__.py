"""Environments over HTTP: servers of task datasets and of tools, and the clients that play what is elsewhere.

The protocol is aviary's; what its clients and servers lack is added so that they need not notice.
"""
