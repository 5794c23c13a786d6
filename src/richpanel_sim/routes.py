"""The route table of ``/v1`` and a router that works on the raw path.

Frameworks route on the decoded path, where an encoded slash has become a separator; Richpanel's ids may hold one
(``a%2Fb`` is one segment), so segments are cut first and decoded once each afterwards.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from richpanel_sim import customers, directory, files, orders, reports, ticket_creation, ticket_writes, tickets
from richpanel_sim.exchange import Call, Reply, Segment

Handler = Callable[[Call], Reply]


class Route(NamedTuple):
    """A method, a path below ``/v1``, and who answers.

    A ``{name}`` segment matches anything but nothing, ``{name:one|other}`` one of the words.
    """

    method: str
    path: str
    handler: Handler


# Literal segments stand before placeholders: the first match answers.
ROUTES: tuple[Route, ...] = (
    Route("GET", "/tickets", tickets.list_tickets),
    Route("POST", "/tickets", ticket_creation.create_ticket),
    Route("GET", "/tickets/number/{number}", tickets.read_ticket_by_number),
    Route("PUT", "/tickets/number/{number}", ticket_writes.refuse_write_by_number),
    Route("GET", "/tickets/{type:email|phone}/{id}", tickets.list_tickets_of_customer),
    Route("PUT", "/tickets/{id}/add-tags", ticket_writes.add_tags),
    Route("PUT", "/tickets/{id}/remove-tags", ticket_writes.remove_tags),
    Route("PUT", "/tickets/{id}/attach-order/{appclient_id}/{order_id}", ticket_writes.attach_order),
    Route("PUT", "/tickets/{id}/send-message", ticket_writes.send_message),
    Route("GET", "/tickets/{id}", tickets.read_ticket),
    Route("PUT", "/tickets/{id}", ticket_writes.update_ticket),
    Route("POST", "/customers", customers.save_customer),
    Route("GET", "/customers/{type:email|phone}/{id}", customers.read_customer),
    Route("POST", "/order/{appclient_id}", orders.save_orders),
    Route("GET", "/order/{conversation_id}", orders.read_order_link),
    Route("GET", "/order/{appclient_id}/{order_id}", orders.read_order),
    Route("POST", "/subscription/{appclient_id}", orders.save_subscriptions),
    Route("GET", "/users", directory.list_users),
    Route("GET", "/users/{id}", directory.read_user),
    Route("GET", "/teams", directory.list_teams),
    Route("GET", "/tags", directory.list_tags),
    Route("POST", "/tags", directory.create_tag),
    Route("GET", "/channel", directory.list_channels),
    Route("GET", "/channel/{id}", directory.read_channel),
    Route("POST", "/file/upload", files.upload_file),
    Route("POST", "/reports/query", reports.query_reports),
)


def find_route(method: str, raw_path: bytes) -> tuple[Handler, Mapping[str, Segment]] | None:
    """The handler for a raw path such as ``/v1/tickets/a%2Fb`` and its placeholders; None when there is no route."""
    first, *rest = raw_path.removeprefix(b"/").split(b"/")
    if first != b"v1":
        return None
    segments = [_decode(raw) for raw in rest]
    for route in ROUTES:
        if route.method == method and (values := _match(route.path, segments)) is not None:
            return route.handler, values
    return None


def _decode(raw: bytes) -> Segment:
    return Segment(unquote_to_bytes(raw).decode("utf-8", "replace"), raw)


def _match(path: str, segments: list[Segment]) -> dict[str, Segment] | None:
    pattern = path.removeprefix("/").split("/")
    if len(pattern) != len(segments):
        return None
    values: dict[str, Segment] = {}
    for part, segment in zip(pattern, segments, strict=True):
        if part.startswith("{"):
            name, _, words = part[1:-1].partition(":")
            if not segment.raw or (words and segment.text not in words.split("|")):
                return None
            values[name] = segment
        elif part != segment.text:
            return None
    return values
