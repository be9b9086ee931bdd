"""Reconciles destination profiles.

Imports the client and rendering of the service, and the shared ranking of url_lists/plan.py.
"""
