"""Metrics, logs, traces and health endpoints of a process.

Imports `schemas` and the standard of each field; never Kafka rooms, vendors or engines.
"""
