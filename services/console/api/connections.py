"""Routes for connections: their state in each service, and a drift check on request."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.console.api import models
from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.queries.answers import compared
from services.console.queries.comparison import reconcile as ask
from services.console.queries.states import read_states, states_of

router = APIRouter(prefix="/v1", tags=["connections"], responses=RESPONSES)
Wait = Annotated[float, Query(ge=0, le=120, description="seconds to wait for the results; 0: do not wait")]


@router.get("/connections")
def connections(context: AtHand, _: Viewer) -> models.Connections:
    """Every connection with its latest state in each service that works for it."""
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
    context: AtHand, by: Editor, name: Annotated[str, Path(max_length=200)], wait: Wait = 0
) -> models.Compared:
    """Poll a tenant now and compare what it holds with the applied state, ahead of schedule."""
    return models.Compared.model_validate(compared(ask(context.settings, name, by=by, wait_s=wait)))
