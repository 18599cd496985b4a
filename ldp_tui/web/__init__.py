"""What every server and client here is made of: pooled connections, guarded routes, failures as JSON, a server to run.

`connections` needs aiohttp only. `guard` and `running` need the extra `serve`; without it, importing them raises
MissingExtra, which names the command that installs it.
"""
