"""`python -m services.sandbox.netskope`: a Netskope tenant in the foreground, empty but for the lists asked for.

A file-hash list must be there before anyone can write to it: the vendor's API replaces lists and makes none.
"""

import sys

from schemas.vendors.netskope import EMPTY_HASH
from services.sandbox.netskope.app import create_app
from services.sandbox.netskope.settings import NetskopeTenant
from services.sandbox.tenant.foreground import parser, serve


def main() -> int:
    """Run the tenant; return the exit code."""
    options = parser("services.sandbox.netskope", "Netskope")
    options.add_argument("--hash-list", action="append", default=[], metavar="NAME", help="a file-hash list to have")
    found = options.parse_args()
    app = create_app(NetskopeTenant())
    app.state.tenant.seed({"hash_lists": [{"name": name, "hashes": [EMPTY_HASH]} for name in found.hash_list]})
    return serve(app, found)


if __name__ == "__main__":
    sys.exit(main())
