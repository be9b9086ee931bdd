"""Reconciles Netskope tenants: URL lists, destination profiles and file-hash lists, one package each.

Imports `schemas` and `services.runtime`; no other service.
"""
