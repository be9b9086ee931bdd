"""`python -m services.push_netskope`: reconciles every Netskope tenant of the policy."""

from services.push_netskope.service import build_worker
from services.runtime import lifecycle
from services.runtime.lifecycle import Context
from services.runtime.worker_pool import WorkerPool

SERVICE = "push_netskope"


def main() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, _serve)


def _serve(context: Context) -> None:
    WorkerPool(context, lambda connection: connection.pusher == SERVICE, build_worker).run()


if __name__ == "__main__":
    main()
