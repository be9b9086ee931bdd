"""Run the router: `python -m services.router`."""

import asyncio
import gc

from services.router.engine.service import Router
from services.runtime import lifecycle
from services.runtime.lifecycle import Context

THRESHOLD = 50_000, 20, 20
"""Every report makes a dozen short-lived objects and no cycles: looking for cycles less often saves a tenth."""


def main(context: Context) -> None:
    """Route until asked to leave."""
    gc.set_threshold(*THRESHOLD)

    async def route() -> None:
        await Router(context).run()

    asyncio.run(route())


if __name__ == "__main__":
    lifecycle.run("router", main)
