"""Requests to the router and to services, and their answers."""
