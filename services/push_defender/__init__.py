"""Reconciles Defender tenants: deletes, upserts, eviction, drift checks.

Imports `schemas` and `services.runtime`; no other service.
"""
