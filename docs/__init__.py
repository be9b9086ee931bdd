"""Documentation, and the tooling that makes its reference pages."""
