"""A stand-in Netskope tenant: REST API v2 (iterators, URL lists, destination profiles) and v1 (file hashes, alerts)."""
