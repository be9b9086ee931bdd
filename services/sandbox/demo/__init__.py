"""The demo: real indicators carried both ways, changed at each source, and every target compared with a naive model."""
