"""Access to the API: people, roles and tokens. Imports nothing else of the console."""
