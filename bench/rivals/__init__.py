"""The same merge-and-write in other ways, each a process of its own that prints one line of JSON when it is done."""
