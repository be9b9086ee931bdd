"""What other systems push, and corrections of what a vendor rejected."""
