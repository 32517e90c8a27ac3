"""What an operation takes: each parameter once, read strictly and described in JSON Schema."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import BadInput, did_you_mean

Values = dict[str, Any]
"""The values of parameters by their names; one that was not given has its default"""

LONGEST = 2000  # characters of a text
MOST = 50  # values of a parameter that may be given several times
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_INTEGER = re.compile(r"-?\d{1,12}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,12})?([eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: of a query string, a path or a tool."""

    name: str
    about: str
    kind: type = str
    default: Any = None
    least: float | None = None
    most: float | None = None
    many: bool = False
    needed: bool = False
    pattern: str = ""
    """a regular expression that a text must match as a whole"""

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        one: dict[str, Any] = {"type": _TYPES[self.kind]}
        if self.kind is str:
            one |= {"minLength": 1, "maxLength": LONGEST}
        limits = {"minimum": self.least, "maximum": self.most, "pattern": self.pattern or None}
        one |= {key: limit for key, limit in limits.items() if limit is not None}
        if self.many:
            return {"type": "array", "items": one, "maxItems": MOST}
        return one if self.default is None else one | {"default": self.default}

    def read(self, written: Sequence[str]) -> Any:
        """Return the value of what a query string says; raises BadInput where it says none."""
        if self.many:
            return self.check([self._one(each) for each in written])
        if len(written) > 1:
            raise BadInput(f"{self.name} is given {len(written)} times; give it once.")
        return self.check(self._one(written[0]) if written else None)

    def check(self, value: Any) -> Any:
        """Return a value, or the default for None; raises BadInput for one out of bounds."""
        if value is None:
            if self.needed:
                raise BadInput(f"{self.name} is missing: {self.about}")
            return () if self.many else self.default
        if not self.many:
            return self._checked(value)
        if not isinstance(value, list) or len(value) > MOST:
            raise BadInput(f"{self.name} is a list of at most {MOST} values.")
        return tuple(self._checked(each) for each in value)

    def _one(self, written: str) -> Any:
        if self.kind is bool and written in ("true", "false"):
            return written == "true"
        if self.kind is int and _INTEGER.fullmatch(written):
            return int(written)
        if self.kind is float and _NUMBER.fullmatch(written):
            return float(written)
        if self.kind is not str:
            raise self._wrong(written)
        return written

    def _checked(self, value: Any) -> Any:
        if self.kind is float and type(value) is int:
            value = float(value)
        if type(value) is not self.kind:
            raise self._wrong(value)
        if isinstance(value, str):
            fits = 1 <= len(value) <= LONGEST and "\0" not in value
            if not fits or (self.pattern and not re.fullmatch(self.pattern, value)):
                raise self._wrong(value)
        elif not self._is_within(value):
            raise self._wrong(value)
        return value

    def _is_within(self, value: Any) -> bool:
        return not (
            (self.least is not None and value < self.least)
            or (self.most is not None and value > self.most)
        )

    def _wrong(self, value: object) -> BadInput:
        kind = f"a text of 1 to {LONGEST} characters" if self.kind is str else _TYPES[self.kind]
        if self.kind is bool:
            kind = "true or false"
        bounds = f", {self.least:g} to {self.most:g}" if self.most is not None else ""
        form = f" like {self.pattern}" if self.pattern else ""
        return BadInput(f"{self.name} is {kind}{bounds}{form}, not {str(value)[:60]!r}.")


def read_query(parameters: Sequence[Parameter], given: Sequence[tuple[str, str]]) -> Values:
    """Return the values of a query string; raises BadInput for an unknown parameter, too.

    A misspelt filter that nobody noticed would be a wrong answer.
    """
    _refuse_unknown(parameters, [name for name, _ in given])
    written: dict[str, list[str]] = {}
    for name, value in given:
        written.setdefault(name, []).append(value)
    return {each.name: each.read(written.get(each.name, [])) for each in parameters}


def read_arguments(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> Values:
    """Return the values of the arguments of a tool, JSON values; raises BadInput likewise."""
    _refuse_unknown(parameters, list(given))
    return {each.name: each.check(given.get(each.name)) for each in parameters}


def _refuse_unknown(parameters: Sequence[Parameter], names: Sequence[str]) -> None:
    known = [each.name for each in parameters]
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise BadInput(
                f"There is no parameter {name[:60]!r}; there are {listed}."
                f"{did_you_mean(name[:60], known)}"
            )
