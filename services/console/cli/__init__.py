"""The verbs of the command line: arguments and help only, so that help comes at once."""
