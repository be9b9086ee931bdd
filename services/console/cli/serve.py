"""The command serve: runs the HTTP API and the read model."""

import typer

app = typer.Typer()


@app.command()
def serve() -> None:
    """Serve the HTTP API until a signal stops it. Its settings begin with IOC_BRIDGE_CONSOLE_."""
    from services.console.serving import serve as serve_api

    serve_api()
