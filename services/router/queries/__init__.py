"""Requests about stored indicators (test, diff, sync, explain) and their replies.

Imports `evaluation`, and `engine` for the stored state of a partition.
"""
