"""The contract between the services: records, resources and topics. Imports nothing of the services."""
