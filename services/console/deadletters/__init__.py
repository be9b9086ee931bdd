"""Dead letters: list, show, edit, replay, drop. Used by the command line and the API."""
