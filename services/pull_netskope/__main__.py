"""`python -m services.pull_netskope`: reports the alerts of every Netskope tenant of the policy that is polled."""

from services.pull_netskope.service import hire
from services.runtime import lifecycle
from services.runtime.fleet import Fleet
from services.runtime.lifecycle import Context

SERVICE = "pull_netskope"


def main() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, _serve)


def _serve(context: Context) -> None:
    Fleet(context, lambda connection: connection.spec.type == "netskope" and connection.polls, hire).run()


if __name__ == "__main__":
    main()
