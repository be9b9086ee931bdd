"""The command line, the HTTP API and the read model, over one set of operations.

Imports `schemas`, `services.guards` and `services.runtime`; no other service.
"""
