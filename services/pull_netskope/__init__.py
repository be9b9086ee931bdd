"""Pulls Netskope tenants: reads alert iterators page by page and reports their indicators.

Imports `schemas` and `services.runtime`; no other service.
"""
