"""The services: five that move indicators, the console, and the sandbox they are tried in."""
