"""Preflight: checks each connection against its vendor's live API and changes nothing there.

A check signs in, reads the roles, makes one read, and calls every endpoint that the connection will use. Endpoints that
only write are called for an object that does not exist: the vendor refuses a token without the right first.

`check` runs what is registered; there is one module for each vendor, named after it, with a function `findings`.
Imports `schemas` and the sessions of `services.runtime.vendors`.
"""
