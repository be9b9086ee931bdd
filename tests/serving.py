"""A running console on a real Kafka: what tests of the API stand on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from services.console.auth.roles import Role
from services.console.auth.tokens import make
from services.console.serving import run_in
from services.console.settings import ConsoleSettings
from services.runtime.lifecycle import Context
from services.runtime.settings import Settings
from services.sandbox.processes import free_port
from tests.waiting import ANSWER_S, eventually


class Site:
    """The API at an address, and tokens for it by role; `feed` is the one of the source that pushes."""

    def __init__(self, settings: Settings, folder: Path, **more: Any) -> None:
        self.tokens: dict[str, str] = {}
        self.file = folder / "tokens.yaml"
        people = []
        for role in Role:
            self.tokens[role], hash_ = make(f"some-{role}")
            people.append({"name": f"some-{role}", "role": str(role), "hash": hash_})
        self.tokens["feed"], self.feed_hash = make("feed")
        self.file.write_text(yaml.safe_dump({"tokens": people}))
        self.settings = ConsoleSettings(
            **settings.model_dump(),
            console_port=free_port(),
            console_tokens_file=self.file,
            console_read_model=folder / "model.sqlite",
            **more,
        )
        self.url = f"http://127.0.0.1:{self.settings.console_port}"

    @contextmanager
    def running(self) -> Iterator["Site"]:
        """Serve meanwhile."""
        context = Context(self.settings, "console")
        failures: list[BaseException] = []

        def serve() -> None:
            try:
                run_in(context)
            except BaseException as error:  # noqa: BLE001  # raised again below
                failures.append(error)

        context.policy.start()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            eventually(lambda: failures or self._answers(), "the API answers")
            yield self
        finally:
            context.stop.set()
            thread.join(ANSWER_S)
            context.close()
            if failures:
                raise failures[0]
            if context.supervisor.failure:
                raise context.supervisor.failure.error

    def _answers(self) -> bool:
        try:
            return self.get("/v1/status").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def call(self, method: str, path: str, role: str = Role.EDITOR, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[role]}", **arguments.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=120, trust_env=False, **arguments)

    def get(self, path: str, **parameters: object) -> httpx.Response:
        """As a viewer."""
        return self.call("GET", path, Role.VIEWER, params=parameters)
