"""The HTTP API: routes over the operations of the console and over the read model.

Imports the operations; nothing but the server imports it.
"""
