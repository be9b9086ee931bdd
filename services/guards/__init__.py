"""Guards: which indicators must not be shared. Pure; used by the router and the console."""
