"""What a switch can be set to: one of a few values, on or off, or a number within bounds."""

from dataclasses import dataclass
from typing import Any, get_args

_WORDS = {"on": True, "true": True, "off": False, "false": False}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of ``values``; text that reads like one of them counts as that."""

    values: tuple[Any, ...]

    def parse(self, value: Any) -> Any:
        """The value that is meant.

        Raises:
            ValueError: none is.
        """
        for choice in self.values:
            if value is choice or (not isinstance(value, bool) and str(value) == str(choice)):
                return choice
        if isinstance(value, str) and bool in map(type, self.values) and value.lower() in _WORDS:
            return _WORDS[value.lower()]
        raise ValueError(value)

    def explain(self) -> list[str]:
        """The values as they are written on a command line."""
        return [show(choice) for choice in self.values]


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``lowest`` to ``highest``, whole ones only where ``is_whole``."""

    lowest: float
    highest: float
    is_whole: bool = True

    def parse(self, value: Any) -> Any:
        """The number, from itself or from its text.

        Raises:
            ValueError: it is none, or out of bounds.
        """
        # Text first: a flag and an array are no numbers, and a whole number may not have a fraction.
        number = int(str(value)) if self.is_whole else float(str(value))
        if not self.lowest <= number <= self.highest:
            raise ValueError(value)
        return number

    def explain(self) -> list[str]:
        """The bounds."""
        return [f"{self.lowest:g} to {self.highest:.15g}"]


def choices_of(hint: Any) -> OneOf:
    """The choices behind a ``bool`` or a ``Literal``."""
    return OneOf((True, False) if hint is bool else get_args(hint))


def show(value: Any) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
