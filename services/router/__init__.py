"""Merges reports into indicators and writes the desired entries of every destination.

`engine` runs the router, `evaluation` decides (pure), `queries` answers requests.
"""
