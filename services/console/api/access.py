"""Authentication and roles of API callers. Every route except a source's push names the role that it needs."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.console.api.context import ApiContext
from services.console.auth.people import Person
from services.console.auth.roles import Role

OPEN = "local"
"""Name of the caller where the API needs no token."""

_BEARER = HTTPBearer(auto_error=False, description="A token made by `ioc-bridge token`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def context_of(request: Request) -> ApiContext:
    """The context that the application was made with."""
    found: ApiContext = request.app.state.context
    return found


AtHand = Annotated[ApiContext, Depends(context_of)]


def unauthorized(text: str) -> HTTPException:
    """A 401 response; `text` says what to do."""
    return HTTPException(status.HTTP_401_UNAUTHORIZED, text, {"WWW-Authenticate": "Bearer"})


def viewer(context: AtHand, credentials: Credentials) -> str:
    """The name of a caller who may read.

    Raises:
        HTTPException: 401, the token is missing or unknown.

    """
    person = _person(context, credentials)
    return person.name if person else OPEN


def editor(context: AtHand, credentials: Credentials) -> str:
    """The name of a caller who may change things.

    Raises:
        HTTPException: 401, the token is missing or unknown; 403, the caller is only a viewer.

    """
    person = _person(context, credentials)
    if person and person.role is not Role.EDITOR:
        text = f"{person.name} may read but not change anything; that needs the role editor"
        raise HTTPException(status.HTTP_403_FORBIDDEN, text)
    return person.name if person else OPEN


def _person(context: ApiContext, credentials: HTTPAuthorizationCredentials | None) -> Person | None:
    """The caller; None where the API needs no token."""
    if context.token_file.is_open:
        return None
    if credentials is None:
        raise unauthorized("send a token: Authorization: Bearer <token>")
    person = context.token_file.person_of(credentials.credentials)
    if person is None:
        raise unauthorized("this token is unknown; use one made by `ioc-bridge token`")
    return person


Viewer = Annotated[str, Depends(viewer)]
Editor = Annotated[str, Depends(editor)]
