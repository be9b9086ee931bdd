"""Makes the reference pages from the code (`make docs`). Not part of any service."""
