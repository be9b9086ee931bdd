"""The stored policy and what may be done to it: apply, get, delete, plan a change."""
