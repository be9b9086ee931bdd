"""What is shared where: merge, combine, compile, evaluate. Pure.

Imports `schemas` and `services.guards`; never `engine` or Kafka.
"""
