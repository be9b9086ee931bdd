"""What sources push, and corrections of what was rejected."""
