"""Run the router: `python -m services.router`."""

import asyncio

from services.router.service import Router
from services.runtime import lifecycle
from services.runtime.lifecycle import Context


def main(context: Context) -> None:
    """Route until asked to leave."""

    async def route() -> None:
        await Router(context).run()

    asyncio.run(route())


if __name__ == "__main__":
    lifecycle.run("router", main)
