"""A property that is made when it is first needed, by one thread, while the others wait."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, cast, overload

Made = TypeVar("Made")


class once(Generic[Made]):  # noqa: N801 - it is written as property is
    """`functools.cached_property`, made once by whatever number of threads.

    From Python 3.12 on that one takes no lock, and before that one lock for all instances. What
    fails is tried again by whoever asks next.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "once[Made]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Made: ...
    def __get__(self, instance: object | None, owner: type) -> "once[Made] | Made":
        """Return what was made, which from then on is an attribute of the instance."""
        if instance is None:
            return self
        known = vars(instance)
        with known.setdefault(f"_making_{self._name}", RLock()):
            if self._name not in known:
                known[self._name] = self._make(instance)
        return cast(Made, known[self._name])
