"""The policy as it is stored, and what may be done to it."""
