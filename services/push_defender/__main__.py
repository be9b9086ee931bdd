"""`python -m services.push_defender`: keeps every Defender tenant of the policy as its desired state says."""

from services.push_defender.service import hire
from services.runtime import lifecycle
from services.runtime.fleet import Fleet
from services.runtime.lifecycle import Context

SERVICE = "push_defender"


def main() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, _serve)


def _serve(context: Context) -> None:
    Fleet(context, lambda connection: connection.spec.type == "defender", hire).run()


if __name__ == "__main__":
    main()
