"""Guards: which indicators are kept back. Pure; the router and the console ask the same code."""
