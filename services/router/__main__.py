"""Run the router: `python -m services.router`."""

import asyncio
import gc

from services.router.service import Router
from services.runtime import lifecycle
from services.runtime.lifecycle import Context


def main(context: Context) -> None:
    """Route until asked to leave."""
    # Every report makes a dozen short-lived objects and no cycles: looking for cycles less often saves a tenth.
    gc.set_threshold(50_000, 20, 20)

    async def route() -> None:
        await Router(context).run()

    asyncio.run(route())


if __name__ == "__main__":
    lifecycle.run("router", main)
