"""Answers of vendors, checked against their documented shape."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from services.runtime.vendors.errors import BrokenAnswerError

_T = TypeVar("_T")


def as_documented(kind: TypeAdapter[_T], answer: object, connection: str, route: str) -> _T:
    """Return the answer as `kind`.

    Raises:
        BrokenAnswerError: the answer is not as documented; names the first place that differs.

    """
    try:
        return kind.validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        text = f"answer is not as documented at {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise BrokenAnswerError(connection, route, text, kind="unexpected") from error
