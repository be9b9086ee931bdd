"""How vendor APIs are called: HTTP, sign-in, quotas, retries, errors, breakers, status.

Single endpoints belong to the services. Imports `schemas`, settings, Kafka and observability; never an engine.
"""
