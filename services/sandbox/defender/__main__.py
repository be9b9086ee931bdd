"""`python -m services.sandbox.defender`: an empty Defender tenant in the foreground."""

import sys

from services.sandbox.defender import create_app
from services.sandbox.tenant.foreground import parser, serve


def main() -> int:
    """Run the tenant; return the exit code."""
    return serve(create_app(), parser("services.sandbox.defender", "Defender").parse_args())


if __name__ == "__main__":
    sys.exit(main())
