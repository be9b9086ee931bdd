"""A vendor's answer as what it should be, or an error that says where it is something else."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from services.runtime.vendors.errors import BrokenAnswerError

_T = TypeVar("_T")


def as_documented(kind: TypeAdapter[_T], answer: object, connection: str, route: str) -> _T:
    """Read an answer.

    Raises:
        BrokenAnswerError: it is not as the vendor documents it; names the place.

    """
    try:
        return kind.validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        text = f"answer is not as documented at {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise BrokenAnswerError(connection, route, text, kind="unexpected") from error
