"""Who may use the API, and in which role: people, tokens, roles.

Imports nothing else of the console.
"""
