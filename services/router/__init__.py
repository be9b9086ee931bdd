"""Merges reports into indicators and keeps the desired entries of every destination.

`engine` runs it, `evaluation` decides (pure), `queries` answers requests.
"""
