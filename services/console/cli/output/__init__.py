"""What a terminal shows: tables, rows, times and target names.

Imports `schemas`; nothing of the console besides it.
"""
