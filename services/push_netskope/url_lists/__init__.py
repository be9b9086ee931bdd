"""Reconciles URL lists, one list or several that share the entries of one target.

Imports the client and rendering of the service, and no other package of lists.
"""
