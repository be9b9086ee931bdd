"""Questions to the router and to services, and what they answered."""
