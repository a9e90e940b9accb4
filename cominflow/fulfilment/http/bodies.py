"""Bodies: requests as JSON, and JSON as answers. Pure.

Numbers with a point are read as exact decimals. What a server says is never quoted in a message: it may name a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from cominflow.fulfilment.http.settings import Endpoint
from cominflow.fulfilment.matching import Row
from cominflow.fulfilment.outcomes import Unusable, called


def written(keys: Sequence[str], rows: Sequence[Row], endpoint: Endpoint) -> bytes:
    """The body of one call: an object where requests go one by one, else a list of objects, each with its key."""
    if endpoint.is_list:
        return _json([{endpoint.id_name: key, **row} for key, row in zip(keys, rows, strict=True)])
    (key,), (row,) = keys, rows
    return _json({endpoint.id_name: key, **row} if endpoint.sends_id else dict(row))


def read(body: bytes, keys: Sequence[str], endpoint: Endpoint) -> list[tuple[str, Row]]:
    """The answer's rows by key, as the server sent them. Raises Unusable when they are not those that were asked."""
    value = _value(body)
    if not endpoint.is_list:
        if not isinstance(value, dict):
            raise Unusable(f"row {called(keys[0])}: the answer is {_kind(value)}, not a JSON object")
        if endpoint.sends_id and value.get(endpoint.id_name) != keys[0]:
            raise Unusable(f"row {called(keys[0])}: the answer has another {endpoint.id_name!r} than was sent")
        return [(keys[0], _flat(value, endpoint))]
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Unusable(f"the answer is {_kind(value)}, not a JSON list of objects")
    found: dict[str, Row] = {}
    for row in value:
        key = row.get(endpoint.id_name)
        if not isinstance(key, str) or key not in keys:
            raise Unusable(f"a row has no {endpoint.id_name!r}, or one that was not sent with these requests")
        if key in found:
            raise Unusable(f"row {called(key)}: answered more than once")
        found[key] = _flat(row, endpoint)
    missing = [key for key in keys if key not in found]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise Unusable(f"rows {', '.join(map(called, missing[:3]))}{more}: asked, but not answered")
    return list(found.items())


def _flat(row: Mapping[str, Any], endpoint: Endpoint) -> Row:
    """The row with what the settings name as `a.b` under that name."""
    found = dict(row)
    for name in endpoint.names:
        value: Any = row
        for part in name.split("."):
            value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if name not in found and value is not _ABSENT:
            found[name] = value
    return found


_ABSENT = object()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _value(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object)
    except Unusable:
        raise
    except (ValueError, RecursionError):  # its text would quote the answer
        raise Unusable(f"{len(body)} bytes that are no JSON in UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unusable("a JSON object gives one name twice")
    return found


def _refuse(constant: str) -> Any:
    raise Unusable(f"it says {constant}, which is no JSON")


def _kind(value: object) -> str:
    words = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "true or false"}
    return words.get(type(value), "a number")
