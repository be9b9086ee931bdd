"""`python -m services.pull_defender`: reports the indicators of every Defender tenant of the policy that is polled."""

from services.pull_defender.service import hire
from services.runtime import lifecycle
from services.runtime.fleet import Fleet
from services.runtime.lifecycle import Context

SERVICE = "pull_defender"


def main() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, _serve)


def _serve(context: Context) -> None:
    Fleet(context, lambda connection: connection.spec.type == "defender" and connection.polls, hire).run()


if __name__ == "__main__":
    main()
