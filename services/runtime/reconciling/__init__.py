"""The engine of pushers: entry store, reconcile loop, status writer, change guard.

Imports every other room of runtime except `polling`.
"""
