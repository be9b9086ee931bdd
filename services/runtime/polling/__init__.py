"""The engine of pullers: schedule, publish, remember how far a source was read.

Imports every other room of runtime except `reconciling`.
"""
