"""Serves a tenant in the foreground, as a container runs it: until SIGINT or SIGTERM, then exit code 0.

Invariant: it listens on loopback by default, because its admin pages need no sign-in.
"""

import argparse
import signal
import sys
import threading

from starlette.types import ASGIApp

from services.sandbox.tenant.serve import TenantServer


def parser(module: str, vendor: str) -> argparse.ArgumentParser:
    """The options that every tenant takes."""
    found = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Run one stand-in {vendor} tenant.")
    found.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    found.add_argument("--port", type=int, default=0, help="the port; 0 picks a free one (default: 0)")
    return found


def serve(app: ASGIApp, options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    server = TenantServer(app, options.port, host=options.host)
    try:
        with server:
            sys.stdout.write(f"ready at {server.url}\n")
            sys.stdout.flush()
            asked.wait()
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror}; choose another --port\n")
        return 1
    return 0
