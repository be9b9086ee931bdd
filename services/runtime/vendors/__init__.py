"""How the vendors' APIs are entered: their errors, sign-in, quotas and sessions. Single endpoints are the services'."""
