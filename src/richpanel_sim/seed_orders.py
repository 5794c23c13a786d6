"""The shop's orders, in the shape of the order event's properties; times in epoch milliseconds, nothing empty."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from richpanel_sim.shelves import JsonObject

_FIRST_ORDER = 10364
_SHIPPING = 6.95
_TAX_RATE = 0.07
_HOURS_BETWEEN = 29


class Placing(NamedTuple):
    """One order before it is written out: who ordered how many of which products, when, and how far it has come."""

    number: int
    customer: Mapping[str, Any]
    basket: Mapping[str, int]
    stage: str
    placed: datetime


def seed_orders(shop: Mapping[str, Any], seed: str, now: datetime) -> list[JsonObject]:
    """Every order of the shop, oldest first, the newest placed about a day before ``now``."""
    dice = random.Random(f"{seed}:orders")  # noqa: S311 - repeatable, and nothing secret hangs on it
    customers = {customer["first"]: customer for customer in shop["customers"]}
    made = []
    for index, (first, stage, basket) in enumerate(shop["orders"]):
        placed = now - timedelta(hours=_HOURS_BETWEEN * (len(shop["orders"]) - index) - dice.uniform(1, 9))
        placing = Placing(_FIRST_ORDER + index, customers[first], basket, stage, placed)
        made.append(make_order(shop, placing, shop["carriers"][index % 2], dice))
    return made


def make_order(
    shop: Mapping[str, Any], placing: Placing, carrier: Mapping[str, str], dice: random.Random
) -> JsonObject:
    """The order that was placed, with its parcel where one has left."""
    products = {product["id"]: product for product in shop["products"]}
    items = [_item(products[ident], quantity) for ident, quantity in placing.basket.items()]
    order = _order(placing.number, placing.customer, items, placing.placed)
    return order | _progress(order, shop["stages"][placing.stage], carrier, dice, placing.placed)


def _item(product: Mapping[str, Any], quantity: int) -> JsonObject:
    image = f"https://cdn.fernhollow.example/{product['sku'].lower()}.jpg"
    return {
        **{k: product[k] for k in ("id", "name", "price", "sku", "grams")},
        "quantity": quantity,
        "imageURL": [image],
    }


def _order(number: int, customer: Mapping[str, Any], items: list[JsonObject], placed: datetime) -> JsonObject:
    goods = round(sum(item["price"] * item["quantity"] for item in items), 2)
    tax = round(goods * _TAX_RATE, 2)
    return {
        "orderId": str(number),
        "orderDbKey": str(number),
        "orderName": f"#FH{number}",
        "email": customer["email"],
        "firstName": customer["first"],
        "lastName": customer["last"],
        "amount": round(goods + tax + _SHIPPING, 2),
        "subTotalPrice": goods,
        "shippingAmount": _SHIPPING,
        "taxAmount": tax,
        "currency": "USD",
        "createdAt": _epoch_ms(placed),
        "processedAt": _epoch_ms(placed + timedelta(minutes=2)),
        "paymentMethod": "card",
        "shippingMethod": "Standard",
        "statusUrl": f"https://fernhollow.example/orders/{number}",
        "totalWeight": sum(item["grams"] * item["quantity"] for item in items),
        "weightUnit": "g",
        "items": items,
        **_addresses(customer),
    }


def _addresses(customer: Mapping[str, Any]) -> JsonObject:
    lines = {
        "FirstName": customer["first"],
        "LastName": customer["last"],
        "Email": customer["email"],
        "Phone": customer["phone"],
        "AddressLine1": f"{int(customer['phone'][-3:])} Orchard Street",
        "City": customer["city"],
        "State": customer["state"],
        "Country": "US",
        "Postcode": f"00{customer['phone'][-3:]}",
    }
    return {f"{kind}{name}": text for kind in ("billing", "shipping") for name, text in lines.items()}


def _progress(
    order: JsonObject, stage: Mapping[str, str], carrier: Mapping[str, str], dice: random.Random, placed: datetime
) -> JsonObject:
    """The status fields and, once something left the store, the parcel with its tracking."""
    told = {name: stage[name] for name in ("status", "fulfillmentStatus", "financialStatus")}
    if "parcel" not in stage:
        return {**told, "updatedAt": order["processedAt"], "fulfillment": []}
    shipped = placed + timedelta(hours=20)
    seen = shipped + timedelta(hours=30 if stage["parcel"] == "in_transit" else 70)
    number = f"{carrier['prefix']}{dice.randrange(10**11, 10**12)}"
    parcel = {
        "id": f"{order['orderId']}-F1",
        "status": stage["parcel"],
        "createdAt": _epoch_ms(shipped),
        "updatedAt": _epoch_ms(seen),
        "tracking": [
            {
                "trackingNumber": number,
                "trackingCompany": carrier["name"],
                "trackingUrl": f"{carrier['url']}{number}",
                "shippingDate": _epoch_ms(shipped),
            }
        ],
        "items": order["items"][:1] if stage["fulfillmentStatus"] == "partial" else order["items"],
    }
    return {**told, "updatedAt": _epoch_ms(seen), "fulfillment": [parcel]}


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
