"""What is written on a terminal: resources, rows, moments and names as people know them."""
