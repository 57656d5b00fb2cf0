"""Shows places, quotas and refusals of places."""

from collections.abc import Mapping, Sequence
from typing import Any

from vmops.cli.console import columns, hourly, note, print_json, warn
from vmops.cli.session import Session
from vmops.core.failures import Failure

_OFFERS = ("ORDER", "SIZE", "PLACE", "PRIORITY", "PRICE", "LEFT", "VERDICT", "WHY")
_REFUSALS = ("SIZE", "PLACE", "PRIORITY", "VERDICT", "CODE", "UNTIL")
_QUOTAS = ("LOCATION", "QUOTA", "USED", "LIMIT", "LEFT")


def offers(session: Session, *, cheapest: bool) -> None:
    """Show places, a row each, and warn about queries that Azure did not answer."""
    unread: list[Failure] = []
    wish = {**session.params, **({"prefer": "price"} if cheapest else {})}
    found = session.ops.offers(wish, unread)
    for failure in unread:
        warn(f"Azure did not answer a query, which rules out no place: {failure}")
    if session.as_json:
        return print_json(found)
    return table(found)


def table(found: Sequence[Mapping[str, Any]]) -> None:
    """Show places, a row each."""
    columns(_OFFERS, [_offer(each) for each in found])


def quota(session: Session) -> None:
    """Show quotas, a row each; the table has only those that are in use or exhausted."""
    found = session.ops.quota(session.params)
    if session.as_json:
        return print_json(found)
    shown = [each for each in found if each["used"] or each["left"] <= 0]
    if shown:
        columns(_QUOTAS, [tuple(str(each[name]) for name in _ROW) for each in shown])
    return note(f"{len(found) - len(shown)} more quotas are not used (--json lists them)")


def refusals(session: Session, *, forget: bool) -> None:
    """Show the remembered refusals, a row each; with ``forget`` only how many are forgotten."""
    found = session.ops.refusals(session.params, forget=forget)
    if session.as_json:
        return print_json(found)
    if forget:
        return note(f"{len(found)} refusals are forgotten")
    if found:
        return columns(_REFUSALS, [_refusal(each) for each in found])
    return note("no refusal is remembered")


def _refusal(each: Mapping[str, Any]) -> tuple[str, ...]:
    what = each["vmSize"] or (f"{each['family']}, {each['cores']} cores and more" if each["family"] else "any size")
    place = "/".join(filter(None, (each["location"], each["zone"])))
    return what, place, each["priority"] or "any", each["verdict"], each["code"], each["until"]


_ROW = ("location", "name", "used", "limit", "left")


def _offer(each: Mapping[str, Any]) -> tuple[str, ...]:
    place = "/".join(filter(None, (each["location"], each["zone"])))
    price = hourly(each["pricePerHour"], made_up=each["priceSource"] == "local") or "unknown"
    left = "" if each["quotaLeft"] is None else f"{each['quotaLeft']} cores"
    return (
        *(str(each["order"]), each["vmSize"], place, each["priority"], price, left, each["verdict"]),
        f"{each['code']}: {each['reason']}" if each["code"] else "",
    )
