"""Who asks, and whether they may. Every route but a source's own names the role that it needs."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.console.api.context import ApiContext
from services.console.auth.people import Person
from services.console.auth.roles import Role

OPEN = "local"
"""What whoever asks is called where nobody is asked for a token."""

_BEARER = HTTPBearer(auto_error=False, description="A token made by `ioc-bridge token`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def context_of(request: Request) -> ApiContext:
    """What the application has at hand."""
    found: ApiContext = request.app.state.context
    return found


AtHand = Annotated[ApiContext, Depends(context_of)]


def unauthorized(text: str) -> HTTPException:
    """401 with what to do."""
    return HTTPException(status.HTTP_401_UNAUTHORIZED, text, {"WWW-Authenticate": "Bearer"})


def viewer(context: AtHand, credentials: Credentials) -> str:
    """The name of whoever asks, who may at least look."""
    person = _person(context, credentials)
    return person.name if person else OPEN


def editor(context: AtHand, credentials: Credentials) -> str:
    """The name of whoever asks, who may change things."""
    person = _person(context, credentials)
    if person and person.role is not Role.EDITOR:
        text = f"{person.name} may look, but not change anything; that needs the role editor"
        raise HTTPException(status.HTTP_403_FORBIDDEN, text)
    return person.name if person else OPEN


def _person(context: ApiContext, credentials: HTTPAuthorizationCredentials | None) -> Person | None:
    """Whoever asks; None where everybody is let in."""
    if context.guests.are_open:
        return None
    if credentials is None:
        raise unauthorized("show a token: Authorization: Bearer <token>")
    person = context.guests.who(credentials.credentials)
    if person is None:
        raise unauthorized("this token is not known here; ask for one made by `ioc-bridge token`")
    return person


Viewer = Annotated[str, Depends(viewer)]
Editor = Annotated[str, Depends(editor)]
