"""The command line: one module a group of commands, and how a terminal shows things.

Imports the operations of the console; nothing imports it.
"""
