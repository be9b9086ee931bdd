"""The engine of pullers: schedules, reports and checkpoints.

Imports every other room of runtime except `reconciling`.
"""
