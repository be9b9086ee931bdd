"""The HTTP API: routes over the console's operations and the read model. Only the server imports it."""
