"""Kafka clients, bulk reads, the transactional producer, leases and topics.

Knows no vendor and no engine: imports `schemas`, settings and observability only.
"""
