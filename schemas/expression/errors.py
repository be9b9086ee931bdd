"""The error of a refused expression."""


class ExpressionError(ValueError):
    """An expression is refused. `line` and `column` count from one; `str()` names them."""

    def __init__(self, line: int, column: int, why: str) -> None:
        super().__init__(line, column, why)
        self.line, self.column, self.why = line, column, why

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.why}"
