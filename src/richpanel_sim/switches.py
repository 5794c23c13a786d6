"""Every point where Richpanel's true behaviour is doubtful, as one typed value with a believable default.

A switch is a field whose type is ``bool``, a ``Literal`` of strings, numbers or both, or a number with bounds; its
metadata is what the command line and ``docs/simulator.md`` show. Adding a doubtful point means adding one field here
and reading it where it matters.

The confidence of a default says where it comes from: ``DOC`` Richpanel's own pages or published client, ``LIVE`` a
recorded answer of the real API, ``CLIENT`` third-party code in production, ``SECOND`` a summary by somebody else,
``INFER`` a conclusion from those, ``UNKNOWN`` a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, NamedTuple, get_type_hints

from richpanel_sim.choices import Number, OneOf, choices_of, show

ENVIRONMENT_PREFIX = "RICHPANEL_SIM_"

Confidence = Literal["DOC", "LIVE", "CLIENT", "SECOND", "INFER", "UNKNOWN"]
ReplyForm = Literal["ticket", "message", "empty_object", "empty_body"]

_SECONDS = Number(0, 3600, is_whole=False)
_COUNT = Number(0, 1_000_000)
_PAGE = Number(1, 100)
_BYTES = Number(1, 1_073_741_824)


class SwitchError(ValueError):
    """A switch that does not exist, or a value it cannot take; the message names what can be said instead."""


class SwitchHelp(NamedTuple):
    """One switch for people: ``values`` and ``default`` as they are written on a command line."""

    name: str
    values: str
    default: str
    confidence: Confidence
    meaning: str


def _switch(default: Any, confidence: Confidence, text: str, number: Number | None = None) -> Any:
    return field(default=default, metadata={"help": text, "confidence": confidence, "choices": number})


@dataclass(frozen=True, slots=True)
class Switches:
    """How the simulator decides each doubtful point; the defaults are what was documented or seen live."""

    # Keys and limits.
    bad_key_status: Literal[401, 403] = _switch(
        401, "DOC", "status for a missing or unknown key; API Gateway front ends commonly say 403"
    )
    list_forbidden: bool = _switch(False, "CLIENT", "GET /tickets answers 403, as on accounts that may not list")
    retry_after_header: bool = _switch(
        True, "DOC", "whether a 429 carries Retry-After, which the recorded ones did not"
    )
    rate_limit_headers: bool = _switch(True, "DOC", "whether answers carry X-RateLimit-Limit and X-RateLimit-Remaining")
    rate_limit_reset: Literal["absent", "seconds", "epoch"] = _switch(
        "absent", "DOC", "X-RateLimit-Reset, which only Richpanel's MCP server was seen to send"
    )
    shared_quota_noise: int = _switch(
        0, "UNKNOWN", "how many requests of every window other users of the account take", _COUNT
    )

    # Refusals.
    error_shape: Literal["as_seen", "error_list", "errors_list", "error_message", "errors_message", "message"] = (
        _switch("as_seen", "LIVE", "body of Richpanel's own refusals: as seen for each cause, or one shape for all")
    )
    validation_key: Literal["error", "errors"] = _switch(
        "error", "DOC", "key of the list of validation faults where error_shape is as_seen"
    )
    ticket_not_found_status: Literal[404, 400] = _switch(
        404, "CLIENT", "status for a conversation that does not exist, on reading and on writing"
    )
    silent_ignore_unknown_fields: bool = _switch(
        True, "LIVE", "unknown body keys and list parameters are ignored with 200; off: 400, as the docs have it"
    )
    unencoded_id_silent_noop: bool = _switch(
        True, "LIVE", "a write whose id holds a raw @ < > or + answers 200 and applies nothing"
    )

    # Lists.
    ticket_key: Literal["ticket", "tickets"] = _switch("ticket", "CLIENT", "array key of lists of conversations")
    user_key: Literal["user", "users"] = _switch("user", "CLIENT", "array key of GET /users; the docs show users")
    team_key: Literal["team", "teams"] = _switch("team", "DOC", "array key of GET /teams")
    tag_key: Literal["tag", "tags"] = _switch("tag", "DOC", "array key of GET /tags")
    channel_key: Literal["channels", "channel"] = _switch("channels", "DOC", "array key of GET /channel")
    empty_list: Literal["absent", "empty"] = _switch(
        "absent", "CLIENT", "an empty page leaves the array key out, or holds an empty array"
    )
    list_count: bool = _switch(True, "CLIENT", "whether lists carry count")
    next_page: Literal["url", "number", "null", "absent"] = _switch(
        "url", "DOC", "form of next_page and previous_page; null: always null, more pages or not"
    )
    default_per_page: int = _switch(30, "UNKNOWN", "page size without per_page", _PAGE)
    oversized_page: Literal["cut", "refused"] = _switch("cut", "UNKNOWN", "per_page above 100 is cut to 100, or a 400")
    default_order: Literal["DESC", "ASC"] = _switch("DESC", "UNKNOWN", "direction of GET /tickets when none is given")
    order_parameter: Literal["both", "order", "sortOrder"] = _switch(
        "both", "CLIENT", "which spelling of the direction counts; clients use either"
    )
    start_date_on: Literal["sort_key", "created_at", "updated_at"] = _switch(
        "sort_key", "INFER", "which time startDate and endDate bound"
    )
    end_date: Literal["exclusive", "inclusive", "ignored"] = _switch(
        "exclusive", "INFER", "whether endDate itself still counts"
    )
    updated_at_filter: Literal["since", "that_day"] = _switch(
        "since", "DOC", "updated_at is a lower bound, or means that one day"
    )
    directory_paging: bool = _switch(
        True, "DOC", "whether users, teams, tags and channels honour page and per_page; off: everything, every time"
    )
    list_comments: Literal["empty", "absent", "full"] = _switch("empty", "CLIENT", "what lists show of each thread")
    by_customer_envelope: Literal["list", "array", "ticket"] = _switch(
        "list", "INFER", "GET /tickets/{type}/{id}: the list envelope, a bare array, or the newest one alone"
    )
    by_customer_paging: bool = _switch(True, "UNKNOWN", "whether GET /tickets/{type}/{id} honours page and per_page")
    phone_match: Literal["exact", "digits"] = _switch(
        "exact", "INFER", "look-up by phone wants the stored E.164 form, or compares digits only"
    )

    # Conversations, as they are read.
    number_unavailable_for_imported: bool = _switch(
        False, "LIVE", "GET /tickets/number/{n} does not find conversations imported from elsewhere (the oldest ones)"
    )
    operator_key: Literal["is_operator", "isOperator"] = _switch(
        "is_operator", "LIVE", "spelling of the operator mark on comments; the docs have the other"
    )
    comment_order: Literal["oldest_first", "newest_first"] = _switch("oldest_first", "DOC", "order of a thread")
    comment_limit: int = _switch(0, "UNKNOWN", "most comments shown of a thread, the newest; 0 shows all", _COUNT)
    tag_form: Literal["names", "ids"] = _switch(
        "names", "LIVE", "how conversations show tags of the directory; other accounts show ids"
    )
    custom_fields_form: Literal["object", "array"] = _switch(
        "object", "UNKNOWN", "customFields by name, or as an array of {id, value}"
    )

    # Conversations, as they are written.
    create_visible_after_seconds: float = _switch(
        0.0, "INFER", "how long a new conversation is not found; a client waits 10 s", _SECONDS
    )
    gateway_timeout_after_create: bool = _switch(
        False, "LIVE", "POST /tickets makes the conversation and answers 504, Endpoint request timed out"
    )
    create_reply: Literal["full", "minimal"] = _switch(
        "full", "LIVE", "POST /tickets shows the whole conversation, or id and number alone"
    )
    given_id: Literal["changed", "kept", "ignored"] = _switch(
        "changed", "DOC", "an id sent on create is brought into Richpanel's form (the same one overwrites), or is kept"
    )
    update_reply: Literal["ticket", "message", "empty_object", "empty_body"] = _switch(
        "ticket", "INFER", "body of PUT /tickets/{id}"
    )
    put_tags: Literal["replace", "merge"] = _switch(
        "replace", "UNKNOWN", "whether ticket.tags on an update replaces or adds"
    )
    put_priority: bool = _switch(True, "SECOND", "whether an update honours priority; off: ignored with 200")
    put_subject: bool = _switch(True, "SECOND", "whether an update honours subject; off: ignored with 200")
    put_snoozed_till: bool = _switch(True, "SECOND", "whether an update honours snoozed_till; off: ignored with 200")
    put_team_id: bool = _switch(False, "UNKNOWN", "whether an update honours team_id; off: ignored with 200")
    put_custom_fields: bool = _switch(False, "UNKNOWN", "whether an update honours customFields; off: ignored with 200")
    snoozed_status: Literal["OPEN", "SNOOZED"] = _switch("OPEN", "UNKNOWN", "status a snoozed conversation shows")
    default_sender_type: Literal["operator", "customer"] = _switch(
        "operator", "INFER", "who a comment without sender_type is from"
    )
    put_comment_delivered: bool = _switch(
        False, "UNKNOWN", "a public operator comment by update reaches the customer on channels other than e-mail"
    )
    tag_names: Literal["as_sent", "normalised"] = _switch(
        "as_sent", "LIVE", "tag names stick as sent, or in lower case without colons and blanks, as on the MCP server"
    )
    tags_reply: Literal["ticket", "message", "empty_object", "empty_body"] = _switch(
        "message", "UNKNOWN", "body of add-tags and remove-tags"
    )
    send_message_reply: Literal["ticket", "message", "empty_object", "empty_body"] = _switch(
        "message", "UNKNOWN", "body of send-message"
    )
    author_id_required: bool = _switch(True, "DOC", "whether send-message insists on author_id; off: operator")
    attachment_form: Literal["any", "url", "id"] = _switch(
        "any", "UNKNOWN", "what send-message takes as attachments: any text, or only the url or id of an upload"
    )

    # Customers.
    customer_shape: Literal["documented", "node"] = _switch(
        "documented", "DOC", "POST /customers answers {message, customer}, or the graph node a client saw"
    )
    customer_envelope: Literal["customer", "customers", "bare", "node"] = _switch(
        "customer", "UNKNOWN", "what GET /customers/{type}/{id} wraps the customer in"
    )
    customer_conflict: Literal[409, 400, 200] = _switch(
        409, "DOC", "status for an e-mail another customer holds; the body has an error key either way"
    )
    customer_not_found: Literal["404", "empty"] = _switch(
        "404", "DOC", "GET /customers/{type}/{id} for nobody: 404, or 200 with an empty object"
    )

    # Orders.
    order_unlinked: Literal["empty", "nulls", "not_found"] = _switch(
        "empty", "SECOND", "GET /order/{conversationId} without a link: {}, both keys null, or 404"
    )
    order_of_unknown_conversation: Literal["empty", "not_found"] = _switch(
        "empty", "UNKNOWN", "GET /order/{conversationId} for a conversation that does not exist: {} or 404"
    )
    order_body: Literal["bare", "wrapped"] = _switch("bare", "INFER", "an order as it is, or under order")
    order_not_found: Literal["404", "400", "empty"] = _switch(
        "404", "UNKNOWN", "an order that does not exist: 404, 400, or 200 with an empty object"
    )
    order_item_form: Literal["event", "properties", "either"] = _switch(
        "event", "INFER", "what an item of orders[] and subscriptions[] must be"
    )
    order_reply: Literal["text", "message"] = _switch(
        "text", "DOC", "POST /order/{appclient_id} answers a JSON string, or an object with message"
    )

    # Directory and files.
    user_envelope: Literal["wrapped", "bare"] = _switch("wrapped", "UNKNOWN", "GET /users/{id}: under user, or bare")
    tag_create_body: Literal["flat", "wrapped", "either"] = _switch(
        "flat", "INFER", "body POST /tags wants: {name}, or {tag: {name}}"
    )
    tag_create_reply: Literal["wrapped", "bare"] = _switch("wrapped", "UNKNOWN", "POST /tags: under tag, or bare")
    tag_duplicate: Literal["second", "existing", "conflict"] = _switch(
        "second", "UNKNOWN", "POST /tags with a name in use: a second tag, the one there is, or 409"
    )
    file_encoding: Literal["multipart", "json", "either"] = _switch(
        "multipart", "INFER", "encoding POST /file/upload wants; json: file in base64"
    )
    file_reply: Literal["bare", "wrapped", "list", "url"] = _switch(
        "bare", "UNKNOWN", "POST /file/upload: the file's facts, those under file, under files, or its url alone"
    )
    file_limit_bytes: int = _switch(5_242_880, "UNKNOWN", "largest file that is taken; above it 413", _BYTES)

    # Everywhere.
    extra_fields: bool = _switch(False, "INFER", "every object of an answer also holds a field nobody has heard of")

    def altered(self, changes: Mapping[str, Any]) -> "Switches":
        """These switches with ``changes`` (values may be text, as on a command line) applied.

        Raises:
            SwitchError: an unknown name, or a value outside the switch's own.
        """
        return replace(self, **{name: _parse(name, value) for name, value in changes.items()})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Switches":
        """The switches as variables such as ``RICHPANEL_SIM_BAD_KEY_STATUS`` set them.

        Raises:
            SwitchError: a variable of that prefix that is no switch, or a value its switch cannot take.
        """
        given = {name: text for name, text in environment.items() if name.startswith(ENVIRONMENT_PREFIX)}
        return cls().altered({name.removeprefix(ENVIRONMENT_PREFIX).lower(): text for name, text in given.items()})

    @staticmethod
    def explain() -> list[SwitchHelp]:
        """Every switch, in order of declaration."""
        return [
            SwitchHelp(
                f.name,
                " | ".join(CHOICES[f.name].explain()),
                show(f.default),
                f.metadata["confidence"],
                f.metadata["help"],
            )
            for f in fields(Switches)
        ]


def _parse(name: str, value: Any) -> Any:
    if name not in CHOICES:
        raise SwitchError(f"no switch {name!r}; there are: {', '.join(CHOICES)}")
    try:
        return CHOICES[name].parse(value)
    except ValueError as fault:
        allowed = ", ".join(CHOICES[name].explain())
        raise SwitchError(f"{name} cannot be {value!r}; it can be: {allowed}") from fault


def _all_choices() -> dict[str, OneOf | Number]:
    hints = get_type_hints(Switches)
    return {f.name: f.metadata["choices"] or choices_of(hints[f.name]) for f in fields(Switches)}


CHOICES = _all_choices()
