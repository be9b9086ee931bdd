"""`python -m deploy.grafana.build`: writes every dashboard to dashboards/*.json.

Invariant: the committed files equal the output; tests/unit/test_dashboards.py compares them.
"""

from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.kafka import kafka
from deploy.grafana.overview import overview
from deploy.grafana.pullers import pullers
from deploy.grafana.pushers import pushers
from deploy.grafana.router import router
from deploy.grafana.tenants import tenants

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS: tuple[Callable[[], Dashboard], ...] = (overview, pullers, router, pushers, tenants, kafka)


def files() -> dict[Path, str]:
    """Return the content of every file."""
    encoder = JSONEncoder(sort_keys=True, indent=1)
    return {FOLDER / f"{made.__name__}.json": encoder.encode(made()) + "\n" for made in DASHBOARDS}


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
