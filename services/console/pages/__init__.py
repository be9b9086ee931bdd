"""The reference pages of the command line, of the HTTP API and of resources. `make docs` writes them."""
