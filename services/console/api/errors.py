"""Errors as HTTP responses of one shape: `detail` for people, and `mistakes` with their places."""

from collections.abc import Callable

from fastapi import FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from schemas.canonical import Refused
from services.console.api.context import NotReadyError
from services.console.cli.output.when import NotATimeError
from services.console.deadletters.edits import UnfitError
from services.console.ingest.intake import RETRY_AFTER_S, BehindError
from services.console.ingest.raw_items import BadBodyError
from services.console.manifests.places import Mistake, dotted
from services.console.queries.comparison import NothingToCompareError
from services.console.queries.requests import UnansweredError
from services.console.readmodel.database import TooSlowError
from services.console.readmodel.view import BadCursorError
from services.console.resources.kinds import UnknownKindError
from services.console.resources.planning import NotFoundError, RefusedError
from services.console.resources.store import MovedError, NoPolicyError
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.transactional_producer import ProducerError
from services.runtime.observability import log
from services.runtime.settings import SettingsError

_LOG = log.get(__name__)
_VERSION = ("metadata", "resourceVersion")


class MistakeRow(BaseModel):
    """One mistake, with its resource and field."""

    subject: str
    path: str
    message: str
    place: str | None = None


class Problem(BaseModel):
    """Why a request failed."""

    detail: str
    mistakes: list[MistakeRow] = []


_STATUS: dict[type[Exception], int] = {
    Refused: status.HTTP_422_UNPROCESSABLE_CONTENT,
    UnansweredError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    NotATimeError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    BadCursorError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    BadBodyError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    UnfitError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    TooSlowError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    NotFoundError: status.HTTP_404_NOT_FOUND,
    UnknownKindError: status.HTTP_404_NOT_FOUND,
    MovedError: status.HTTP_409_CONFLICT,
    NothingToCompareError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    NoPolicyError: status.HTTP_503_SERVICE_UNAVAILABLE,
    NotReadyError: status.HTTP_503_SERVICE_UNAVAILABLE,
    SettingsError: status.HTTP_503_SERVICE_UNAVAILABLE,
    ProducerError: status.HTTP_503_SERVICE_UNAVAILABLE,
    **dict.fromkeys(KAFKA_ERRORS, status.HTTP_503_SERVICE_UNAVAILABLE),
    BehindError: status.HTTP_429_TOO_MANY_REQUESTS,
}
_LATER = (status.HTTP_429_TOO_MANY_REQUESTS, status.HTTP_503_SERVICE_UNAVAILABLE)
RESPONSES: dict[int | str, dict[str, object]] = {code: {"model": Problem} for code in (401, 403, 404, 409, 422, 503)}
"""Error responses that every route may give."""


def add_to(app: FastAPI) -> None:
    """Register the handlers of expected errors."""
    for kind, code in _STATUS.items():
        app.add_exception_handler(kind, _answering(code))
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)


def _answering(code: int) -> Callable[[Request, Exception], JSONResponse]:
    def answer(request: Request, error: Exception) -> JSONResponse:
        text = f"Kafka does not answer: {error!r}" if isinstance(error, KAFKA_ERRORS) else str(error)
        if code in _LATER:
            _LOG.warning("request answered with an error", path=request.url.path, status=code, why=text)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if code in _LATER else None
        return JSONResponse(Problem(detail=text).model_dump(), code, headers)

    return answer


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    conflict = any(mistake.path == _VERSION for mistake in error.mistakes)
    code = status.HTTP_409_CONFLICT if conflict else status.HTTP_422_UNPROCESSABLE_CONTENT
    rows = [_row(mistake) for mistake in error.mistakes]
    return JSONResponse(Problem(detail=str(error), mistakes=rows).model_dump(), code)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer an invalid parameter or body. The response does not repeat the value: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    found = [(dotted(tuple(one["loc"])), str(one["msg"])) for one in error.errors()]
    rows = [MistakeRow(subject="request", path=path, message=message) for path, message in found]
    text = "\n".join(f"{path}: {message}" for path, message in found)
    return JSONResponse(Problem(detail=text, mistakes=rows).model_dump(), status.HTTP_422_UNPROCESSABLE_CONTENT)


def _row(mistake: Mistake) -> MistakeRow:
    place = str(mistake.place) if mistake.place else None
    return MistakeRow(subject=mistake.subject, path=dotted(mistake.path), message=mistake.message, place=place)
