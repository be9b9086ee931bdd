"""Run the router: `python -m services.router`."""

import asyncio
import gc

from services.router.engine.service import Router
from services.runtime import lifecycle
from services.runtime.lifecycle import Context

THRESHOLD = 50_000, 20, 20
"""Thresholds of the garbage collector. Reports make many short-lived objects and no cycles: this saves a tenth."""


def main(context: Context) -> None:
    """Route until the process stops."""
    gc.set_threshold(*THRESHOLD)

    async def route() -> None:
        await Router(context).run()

    asyncio.run(route())


if __name__ == "__main__":
    lifecycle.run("router", main)
