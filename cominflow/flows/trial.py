"""Trial: ask a service's provider one made-up request, as the engine would, and store and charge nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from cominflow.errors import UsageError
from cominflow.exchange import feeds
from cominflow.flows import portions
from cominflow.fulfilment import provider
from cominflow.models import Customer, Service
from tracciati.declare.toml import did_you_mean
from tracciati.layout import Field


@dataclass(frozen=True)
class Trial:
    """What a provider said of one request. `results` may be personal data; `note` is its own word on the request."""

    outcome: str
    results: Mapping[str, Any]
    seconds: float
    note: str


def fields_of(service: Service) -> dict[str, Field | None]:
    """Column -> its field in a live feed, of all that this service's requests may have.

    None where only the service's settings name it: no live feed has it.
    """
    found: dict[str, Field | None] = dict.fromkeys(_needed(service))
    for customer in Customer.objects.order_by("code"):
        for version in feeds.live(customer):
            unit = feeds.load(version).request.unit
            for _, layout in feeds.layouts(version)[:1]:
                for name, _, field in portions.columns_of(layout, unit):
                    if found.get(name) is None:
                        found[name] = field
    return found


def require(service: Service, given: Mapping[str, Any]) -> dict[str, Field | None]:
    """The fields that `given` names. UsageError: one that no request of this service has, or one that it needs."""
    known = fields_of(service)
    for name in given:
        if name not in known:
            hint = did_you_mean(name, list(known)) or f"they have {', '.join(known) or 'none'}"
            raise UsageError(f"requests for {service.code} have no field {name!r}", hint=hint)
    missing = [name for name in _needed(service) if name not in given]
    if missing:
        words = " ".join(f"--field {name}=VALUE" for name in missing)
        raise UsageError(f"provider {service.provider} asks by {', '.join(missing)}", hint=f"give {words}")
    return {name: known[name] for name in given}


def ask(service: Service, given: Mapping[str, object], fields: Mapping[str, Field | None]) -> Trial:
    """Ask, paused or not. Raises WorldError as in the engine. The key is new each time, so it is a real question.

    given   column -> value, as the field's base holds it
    fields  of `require`
    """
    columns: dict[str, Any] = {}
    for name, value in given.items():
        field = fields[name]
        column = pa.array([value], pa.string() if field is None else portions.type_of(field))
        columns[name] = pd.arrays.ArrowExtensionArray(column)
    asked = pd.DataFrame(columns, index=provider.keys("test", [0], uuid.uuid4().hex))
    began_s = time.monotonic()
    answer = provider.ask(service.provider, service.provider_settings, asked, service=service.code)
    seconds = time.monotonic() - began_s
    results = answer.results.to_pylist()
    kept = {name: value for name, value in (results[0] if results else {}).items() if value is not None}
    note = str(next(iter(answer.notes.values()), ""))
    return Trial(str(answer.outcomes[0]), kept, seconds, note)


def _needed(service: Service) -> list[str]:
    """The columns that the service's settings take from each request."""
    mappings = [service.provider_settings.get(name, {}) for name in ("key", "request")]
    return [name for mapping in mappings if isinstance(mapping, Mapping) for name in mapping]
