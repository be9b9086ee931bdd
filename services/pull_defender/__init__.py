"""Pulls Defender tenants: lists all indicators and reports the changes.

Imports `schemas` and `services.runtime`; no other service.
"""
