"""Reconciles file-hash lists, which can only be replaced whole and never be read.

Imports the client of the service, and the shared ranking of url_lists/plan.py.
"""
