"""How any service runs: lifecycle, settings, secrets, policy, worker pool, dead letters, activity.

Imports `schemas` and its own rooms; never a service.
"""
