"""What the verbs of the command line do: arguments in, a few calls, output."""
