"""The command serve: the HTTP API and the read model."""

import typer

app = typer.Typer()


@app.command()
def serve() -> None:
    """Serve the HTTP API until asked to leave. Settings that begin with IOC_BRIDGE_CONSOLE_ are its own."""
    from services.console.serving import serve as serve_api

    serve_api()
