"""`python -m services.pull_netskope`: reports the alerts of all Netskope tenants that are sources."""

from services.pull_netskope.service import build_worker
from services.runtime import lifecycle
from services.runtime.lifecycle import Context
from services.runtime.worker_pool import WorkerPool

SERVICE = "pull_netskope"


def main() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, _serve)


def _serve(context: Context) -> None:
    WorkerPool(context, lambda connection: connection.puller == SERVICE, build_worker).run()


if __name__ == "__main__":
    main()
