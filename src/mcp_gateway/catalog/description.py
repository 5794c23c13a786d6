"""The typed form of the catalog's documents: strict, so that a slip of the pen stops the start, not a call.

One `integration.yaml` per folder (`IntegrationDescription`), and beside it one file per resource
(`ResourceDescription`).
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""Our own names: snake_case, legal as a tool name and as a property name with every client."""
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
"""YAML has no tuples: a list is taken as one, its items stay strict."""
Words = Annotated[tuple[Text, ...], Field(strict=False)]
Hints = dict[int, Text]
"""What to do next, by upstream's HTTP status."""

ARGUMENT, LITERAL, UNLESS = "$", "=", " unless "
"""What is special in the places a part takes its arguments from."""

Method = Literal["list", "get", "create", "update", "delete"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, populate_by_name=True)


class SchemaDescription(_Strict):
    """The part of JSON Schema 2020-12 that every client in use understands, under JSON Schema's own names."""

    type: Literal["string", "integer", "number", "boolean", "array", "object"]
    description: Text | None = None
    enum: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    format: Text | None = None
    default: Any = None
    minimum: int | None = None
    maximum: int | None = None
    min_length: int | None = Field(default=None, alias="minLength")
    max_length: int | None = Field(default=None, alias="maxLength")
    min_items: int | None = Field(default=None, alias="minItems")
    max_items: int | None = Field(default=None, alias="maxItems")
    items: "SchemaDescription | None" = None
    properties: dict[str, "SchemaDescription"] | None = None
    additional_properties: bool | None = Field(default=None, alias="additionalProperties")


class PlaceByArgument(_Strict):
    """Where a value goes depends on another argument's value."""

    argument: Name
    places: dict[str, Text]
    """That argument's value → name on the wire."""
    otherwise: Text


class ArgumentDescription(SchemaDescription):
    """One argument: its schema, and where its value goes on the wire."""

    place: Literal["path", "query", "body", "file", "paging", "option"] = Field(alias="in")
    """`file`: base64 in the call, a part of a multipart body on the wire. `option`: of the gateway, never sent."""
    to: Text | Words | PlaceByArgument | None = None
    """Name on the wire where it differs, or several that get the same value. In a body a dotted path below the wrapper;
    `name[]` stands for the first element of an array, and `*` for an object whose members go where it would stand."""
    max_bytes: int | None = Field(default=None, alias="maxBytes")
    """For a file: how large it may be once decoded."""
    also: Text | None = None
    """For a path argument: the place in the body that gets the value too."""
    named_by: Name | None = None
    """For a file: the argument that holds its name."""
    required: bool = False
    requires: Names = ()
    """Other arguments without which this one means nothing; its default is sent only together with them."""
    reserved: Words = ()
    """Path values refused in any case of letters, because they would reach another route."""


class PagingDescription(_Strict):
    """Page-number paging: names of the two query parameters."""

    page: Text
    size: Text


class RequestDescription(_Strict):
    """The HTTP binding of a method."""

    verb: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, StringConstraints(pattern=r"^(/([A-Za-z0-9._-]+|\{[a-z][a-z0-9_]*\}))+$")]
    wrapper: Text | None = None
    """Key under which the whole body goes; `name[]` makes it the one element of an array there."""
    fixed_query: dict[str, str] = {}
    fixed_body: dict[str, Any] = {}
    """Dotted path → value."""
    stamps: dict[Text, Literal["epoch_ms", "iso"]] = {}
    """Dotted path → form of the time of the call."""
    omits_empty: bool = False
    """True where the API refuses members of the body that are empty: they are not sent."""
    safe: bool = False
    """True for a POST that only reads."""
    paging: PagingDescription | None = None


class AliasDescription(_Strict):
    """One name for a field that upstream spells in several ways; the original stays beside it."""

    records: Text
    """Member of the result that holds the list of objects with the field."""
    name: Text
    spellings: Words


class TextDescription(_Strict):
    """Where a record's HTML children get their readable text."""

    records: Text
    """Name of the array whose items are meant."""
    html: Words
    """Members that may hold the HTML; the first that does counts."""
    plain: Text
    """Member that holds the text, left alone where upstream filled it."""


class ResponseDescription(_Strict):
    """How to read a 2xx answer.

    `list`: records under one of `keys`, absent = none. `object`: one record. `optional`: a list of none or one record,
    there when `present` has a value. `accepted`: a write's answer, whatever it is. `content`: JSON as it is, or a
    picture, recording or text as a content block.
    """

    shape: Literal["list", "object", "optional", "accepted", "content"]
    keys: Words = ()
    present: Text | None = None
    aliases: Annotated[tuple[AliasDescription, ...], Field(strict=False)] = ()
    texts: Annotated[tuple[TextDescription, ...], Field(strict=False)] = ()
    several: Text = "Ask for it by something that only one has."
    """What to do when there are several records where one was asked for."""
    inner: Text | None = None
    """Array inside a record, of which a long answer shows the newest items."""
    inner_time: Text | None = None
    """Member of these items that tells their time: an array that comes newest first is turned around."""


class NumberDescription(_Strict):
    """People say numbers where the API wants ids: an argument of digits only is looked up first."""

    argument: Name
    lookup: Name
    """Tool that reads by number."""
    lookup_argument: Name
    """Its argument that takes the number."""
    take: Text
    """Member of its result that is the id."""
    same: Text | None = None
    """Member of its result that is the number; a record that has another one there is not the one that was meant."""
    is_answer: bool = False
    """True when the look-up's result is what the tool would have given."""


class VerifyDescription(_Strict):
    """How a write can be checked: read the object again and compare."""

    lookup: Name
    """Tool that reads the object by the argument `id`."""
    fields: dict[Name, Text]
    """Argument → dotted path in the object; `array.*.member` is found in any item of an array."""
    nothing: dict[Name, Text] = {}
    """Argument → the value that asks for none, which the object may tell as null."""
    twins: Words = ()
    """Further members of an item that may hold the same text."""
    made: Text | None = None
    """Member of an item with the time it was made: one that was there before proves nothing."""
    times: Names = ()
    """Arguments that are times, which upstream may write its own way."""


class SubjectDescription(_Strict):
    """The object a write changes."""

    kind: Name
    """Shared by all tools that change objects of this kind."""
    argument: Name
    """The argument that is its id."""


class PartDescription(_Strict):
    """One request of a composite tool."""

    name: Name
    lookup: Name
    """Tool that reads it."""
    arguments: dict[Name, Words]
    """Argument → where its value comes from, the first that has one: `$argument` of the call, `part.member.0.member` of
    an earlier part, `=literal`. `place unless place` is passed by where the second, of an earlier part too, is true."""
    absent: Text | None = None
    """Why there may be nothing to ask for; None for a part that must be there."""
    is_hidden: bool = False
    """True for a part that only leads to others."""


def of_parts(places: Iterable[str]) -> set[str]:
    """The parts and `$arguments` that places take something from."""
    named = (name for place in places for name in place.split(UNLESS) if not name.startswith(LITERAL))
    return {name.partition(".")[0] for name in named}


class AnnotationsDescription(_Strict):
    """MCP's four hints, all said, because clients differ in what they assume."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class ExampleDescription(_Strict):
    """One example call, for documentation and tests."""

    title: Text
    arguments: dict[str, Any]


class MethodDescription(_Strict):
    """One tool: a method of a resource."""

    tool: Name
    method: Method
    title: Text
    description: Text
    tags: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    documentation: Link
    confidence: Literal["documented", "live", "client", "second-hand", "inferred"]
    """How sure the binding is: the vendor's page, a recorded call, working clients, hearsay, or our conclusion."""
    annotations: AnnotationsDescription
    request: RequestDescription | None = None
    """The HTTP binding; None for a composite tool."""
    arguments: dict[Name, ArgumentDescription]
    response: ResponseDescription
    parts: Annotated[tuple[PartDescription, ...], Field(strict=False)] = ()
    """What a composite tool asks for."""
    number: NumberDescription | None = None
    verify: VerifyDescription | None = None
    subject: SubjectDescription | None = None
    """What a write changes; None where it makes something new."""
    idempotent_without: Name | None = None
    """Argument without which a tool that is not idempotent is."""
    settle: Text | None = None
    """The look-up that tells whether a write took effect."""
    unsettled: Text | None = None
    """Where no look-up tells: what to do then. Every write has either of the two."""
    hints: Hints = {}
    examples: Annotated[tuple[ExampleDescription, ...], Field(strict=False, min_length=2, max_length=2)]


class ResourceDescription(_Strict):
    """One file: a resource and its documented methods."""

    resource: Name
    description: Text
    methods: Annotated[tuple[MethodDescription, ...], Field(strict=False, min_length=1)]


class RateLimitDescription(_Strict):
    """The vendor's documented quota, and what its rate-limit headers leave open."""

    requests: Annotated[int, Field(gt=0)]
    window_seconds: Annotated[int, Field(gt=0)]
    reset_unit: Literal["seconds", "milliseconds"] = "seconds"
    """Of a small number in `X-RateLimit-Reset` or `X-Rate-Limit-Reset`."""
    leak_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """How fast a bucket that tells `used/size` empties."""


Policy = Literal["strict", "tolerant"]
"""How the compatibility gate judges an integration (gate.py)."""


class IntegrationDescription(_Strict):
    """`integration.yaml`: what all of an integration's resources share."""

    name: Name
    title: Text
    description: Text
    documentation: Link
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
    key_header: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    """Header that carries an account's API key."""
    tags: dict[Name, Text]
    """Every tag a tool may carry and a filter may name."""
    rate_limit: RateLimitDescription
    policy: Policy = "strict"
    hints: Hints = {}
    not_found: Words = ()
    """Words of refusals that mean that nothing has this id, whatever their status; letters of any case."""
