"""`python -m services.push_netskope`: keeps every Netskope tenant of the policy as its desired state says."""

from services.push_netskope.service import hire
from services.runtime import lifecycle
from services.runtime.fleet import Fleet
from services.runtime.lifecycle import Context

SERVICE = "push_netskope"


def main() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, _serve)


def _serve(context: Context) -> None:
    Fleet(context, lambda connection: connection.spec.type == "netskope", hire).run()


if __name__ == "__main__":
    main()
