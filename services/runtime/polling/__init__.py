"""The engine of pullers: schedules, reports, checkpoints, differences of listings and their guard.

Imports every other room of runtime except `reconciling`.
"""
