"""`--keep`: prints the address of everything and keeps it running until Ctrl-C.

A service that ends or is killed is started again, as an orchestrator would, to show that nothing is lost.
"""

import threading

from rich.console import Console
from rich.table import Table

from services.sandbox.demo.tenants import SECRETS
from services.sandbox.exchange import Exchange
from services.sandbox.processes import ServiceProcess

_FOR_CLI = ("IOC_BRIDGE_KAFKA_BOOTSTRAP", "IOC_BRIDGE_TOPIC_PREFIX", "IOC_BRIDGE_PARTITIONS", *SECRETS)
"""The secrets are for the `check` command, and valid only at the sandbox tenants."""
_TO_TRY = ("get sharings", "check", "explain {example}", "serve &", "indicators --limit 10", "sharings", "activity")
"""Without comments: not every interactive shell accepts them."""


def addresses(exchange: Exchange) -> Table:
    """Every address of a running exchange."""
    table = Table(
        title="Everything runs until Ctrl-C; killed services are restarted",
        title_justify="left",
        title_style="bold",
        header_style="dim",
    )
    table.add_column("what", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_row("Kafka", exchange.settings.kafka_bootstrap)
    for name, tenant in (("Defender tenant", exchange.mde), ("Netskope tenant", exchange.netskope)):
        pages = "  ".join(f"{tenant.url}/_admin/{page}" for page in ("truth", "calls", "faults", "switches"))
        table.add_row(name, f"{tenant.url}\n{pages}")
    for name, service in exchange.services.items():
        table.add_row(name, _pages(service))
    return table


def _example(exchange: Exchange) -> str:
    """Return a domain at Defender, or another value if it has no domain."""
    rows = exchange.defender_rows()
    domains = [row for row in rows if row["indicatorType"] == "DomainName"]
    return str((domains or rows)[0]["indicatorValue"])


def stay(exchange: Exchange, console: Console) -> None:
    """Print the addresses and what `ioc-bridge` needs to work with them, and keep services running; never returns.

    Raises:
        ServiceFailedError: a restarted service does not become ready.

    """
    console.print()
    console.print(addresses(exchange))
    console.print("\nFor the command line, in another terminal:\n")
    for name in _FOR_CLI:
        console.print(f"  export {name}={exchange.environment[name]}", highlight=False, soft_wrap=True)
    console.print()
    for line in _TO_TRY:
        command = line.format(example=_example(exchange))
        console.print(f"  .venv/bin/ioc-bridge {command}", highlight=False, soft_wrap=True, markup=False)
    console.print()
    while True:
        renew(exchange, console)
        threading.Event().wait(1)


def renew(exchange: Exchange, console: Console) -> None:
    """Restart each service that has ended, and print its addresses.

    Raises:
        ServiceFailedError: a service does not become ready.

    """
    for name, ended in list(exchange.services.items()):
        if ended.exit_code is None:
            continue
        console.print(f"{name} ended with exit code {ended.exit_code}; a fresh one goes on from what is in Kafka")
        fresh = exchange.start(name)
        fresh.wait_ready()
        console.print(f"{name} is ready  {_pages(fresh)}", soft_wrap=True)


def _pages(service: ServiceProcess) -> str:
    root = f"http://127.0.0.1:{service.port}"
    return f"{root}/metrics  {root}/readyz  log: {service.log}"
