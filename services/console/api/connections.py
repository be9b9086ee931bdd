"""Connections: how services get on with them, and having them compared."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.console.api import models
from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.queries.answers import compared
from services.console.queries.comparison import reconcile as ask
from services.console.queries.states import read_states, states_of

router = APIRouter(prefix="/v1", tags=["connections"], responses=RESPONSES)
Wait = Annotated[float, Query(ge=0, le=120, description="how long to wait for what is found, seconds; 0: not at all")]


@router.get("/connections")
def connections(context: AtHand, _: Viewer) -> models.Connections:
    """Every connection, and what each service that works for it said of it last."""
    states = read_states(context.settings)
    return models.Connections(
        items=[
            models.ConnectionRow(
                name=name,
                type=connection.spec.type,
                services=[
                    models.ServiceState.model_validate(state.model_dump()) for state in states_of(connection, states)
                ],
            )
            for name, connection in sorted(context.policy.connections.items())
        ]
    )


@router.post("/connections/{name}/reconcile")
def reconcile(
    context: AtHand, who: Editor, name: Annotated[str, Path(max_length=200)], wait: Wait = 0
) -> models.Compared:
    """Compare now what a tenant holds with what is known of it, and poll it, without waiting for its turn."""
    return models.Compared.model_validate(compared(ask(context.settings, name, by=who, wait_s=wait)))
