"""The engine of pushers: the store of entries, the reconcile loop, status records, guards of change.

Imports every other room of runtime except `polling`.
"""
