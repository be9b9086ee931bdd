"""Pulls Defender tenants: lists all indicators and reports what changed.

Imports `schemas` and `services.runtime`; no other service.
"""
