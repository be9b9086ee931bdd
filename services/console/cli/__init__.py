"""The command line: one module for each group of commands, and their output.

Imports the operations of the console; nothing imports it.
"""
