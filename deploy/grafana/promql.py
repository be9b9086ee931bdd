"""Queries, in the few forms that dashboards need. Every selector can be narrowed by the variables job and instance."""

from services.runtime.observability.metrics import PREFIX

SCOPE = 'job=~"$job", instance=~"$instance"'
CONNECTION = 'connection=~"$connection"'
WINDOW = "[$__rate_interval]"


def series(name: str, *matchers: str) -> str:
    """A metric of ours by its name without prefix; one of the process's own keeps its name."""
    full = name if name.startswith(("process_", "up")) else PREFIX + name
    return f"{full}{{{', '.join((SCOPE, *matchers))}}}"


def like(label: str, *values: str) -> str:
    """A matcher: the label is one of these, each a regular expression."""
    chosen = "|".join(values)
    return f'{label}=~"{chosen}"'


def rate(name: str, *by: str, where: tuple[str, ...] = ()) -> str:
    """How much a counter rises a second, summed by these labels."""
    return f"{_sum(by)}(rate({series(name, *where)}{WINDOW}))"


def increase(name: str, *by: str, where: tuple[str, ...] = (), over: str = "$__range") -> str:
    """How much a counter has risen over the time shown, summed by these labels."""
    return f"{_sum(by)}(increase({series(name, *where)}[{over}]))"


def quantile(share: float, name: str, *by: str, where: tuple[str, ...] = ()) -> str:
    """The time below which this share of a histogram's observations are, by these labels."""
    labels = ", ".join(("le", *by))
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({series(name + '_bucket', *where)}{WINDOW})))"


def by_service(expr: str, how: str = "sum") -> str:
    """Join a series of each process with its build info, and aggregate by service."""
    joined = f"{expr} * on (job, instance) group_left (service) {series('build_info')}"
    return f"{how} by (service) ({joined})"


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) " if by else "sum"
