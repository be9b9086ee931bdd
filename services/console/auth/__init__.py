"""Who may use the API, and as what."""
