"""What every sandbox tenant has in common: its clock, quotas, faults, call log, admin pages and server."""
