"""Objects by key, of which most may be cards that are written out only when somebody looks."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Generic, TypeVar

JsonObject = dict[str, Any]
Key = TypeVar("Key")
Card = TypeVar("Card")

_MOST_RECENT = 500


class Shelf(MutableMapping[Key, JsonObject], Generic[Key, Card]):
    """Objects by key, each with a card: the little that lists, look-ups and counts need to know of it.

    An object nobody has asked for to change may be its card alone, and is written out anew each time it is looked at;
    that is how thousands of conversations with their threads fit into a few megabytes. ``shelf[key]`` is for whoever
    may change the object: from then on the object is kept. ``look`` is for reading; what was looked at last is
    remembered for a while.

    ``to_card`` makes the card of an object that is kept; ``write_out`` makes the object of a card.
    """

    def __init__(
        self,
        to_card: Callable[[Key, JsonObject], Card],
        cards: Mapping[Key, Card] | None = None,
        write_out: Callable[[Card], JsonObject] | None = None,
    ) -> None:
        self._to_card = to_card
        self._write_out = write_out
        self._cards: dict[Key, Card | None] = dict(cards or {})
        self._objects: dict[Key, JsonObject] = {}
        self._recent: OrderedDict[Key, JsonObject] = OrderedDict()

    def look(self, key: Key) -> JsonObject | None:
        """The object, which must not be changed; None when there is none."""
        card = self._cards.get(key)
        if card is None:
            return self._objects.get(key)
        if key not in self._recent:
            self._recent[key] = self._written(card)
        self._recent.move_to_end(key)
        if len(self._recent) > _MOST_RECENT:
            self._recent.popitem(last=False)
        return self._recent[key]

    def cards(self) -> Iterator[Card]:
        """The card of every object, in the order they were put here."""
        for key, card in self._cards.items():
            yield self._to_card(key, self._objects[key]) if card is None else card

    def kept(self) -> int:
        """How many objects are held in full."""
        return len(self._objects)

    def __getitem__(self, key: Key) -> JsonObject:
        card = self._cards[key]
        if card is not None:
            self[key] = self._written(card)
        return self._objects[key]

    def __setitem__(self, key: Key, value: JsonObject) -> None:
        self._recent.pop(key, None)
        self._cards[key] = None
        self._objects[key] = value

    def __delitem__(self, key: Key) -> None:
        del self._cards[key]
        self._objects.pop(key, None)
        self._recent.pop(key, None)

    def __contains__(self, key: object) -> bool:
        # Mapping's own would write the object out and keep it.
        return key in self._cards

    def __iter__(self) -> Iterator[Key]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def _written(self, card: Card) -> JsonObject:
        if self._write_out is None:
            raise TypeError("a shelf of cards needs to be told how to write them out")
        return self._write_out(card)
