"""Reconciles Netskope tenants: URL lists, destination profiles and file-hash lists, one room each.

Imports `schemas` and `services.runtime`; no other service.
"""
