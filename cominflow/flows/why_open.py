"""Why open: what keeps a request on a person's list.

A result that the customer's field cannot hold stays beside the open request as its provider gave it; whether it fits
is asked anew of the layout, so that nothing has to be kept twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from cominflow.exchange.request_states import OPEN
from cominflow.exchange.requests import Place
from cominflow.flows import contents
from cominflow.models import Arrival
from tracciati import writing
from tracciati.layout import Field
from tracciati.values import bounds, signs
from tracciati.values.numerals import DIGITS_MAX


def told(place: Place, arrival: Arrival, *, reveal: bool) -> str:
    """In words, why the request waits for a person; empty when it does not.

    reveal   say the values that do not fit: they may be personal data
    """
    if place.state != OPEN:
        return ""
    said = [
        f"result.{name} does not fit {field}{f': {place.results[name]}' if reveal else ''}"
        for name, field in _misfits(place, arrival)
    ]
    return "; ".join(said) or ("its answer was taken back" if place.revision else "its provider left it to a person")


def takes(field: Field, codec: str) -> str:
    """What a field of a file in that encoding can hold, in words: its base, and the bounds that the layout sets."""
    is_bound = field.pattern or field.least is not None or field.most is not None
    return _of_base(field, codec) + (f", {bounds.expected(field)[0]}" if is_bound else "")


def _of_base(field: Field, codec: str) -> str:
    if field.base in ("integer", "decimal"):
        beside = bool(field.mark and field.scale) + signs.width_of(field.sign)
        most = DIGITS_MAX if field.length is None else field.length - beside
        decimals = f"{field.scale} of them decimals" if field.scale else "no decimals"
        sign = "with a sign" if field.sign else "no sign"
        return f"{field.base}, at most {min(field.digits or most, most)} digits, {decimals}, {sign}"
    if field.is_number:
        sign = "with a sign" if field.sign else "no sign"
        return f"{field.base}, at most {field.digits} digits, {field.scale or 'no'} of them decimals, {sign}"
    base = f"{field.base} in {codec}" if field.base == "text" else field.base
    return base if field.length is None else f"{base}, {field.length} bytes"


def _misfits(place: Place, arrival: Arrival) -> Iterator[tuple[str, str]]:
    """(result, the field that cannot hold it, in words), in the order of the layout."""
    layout = contents.layout_of(arrival)
    if "answer" not in layout.structure:
        return
    values = {f"result.{name}": pa.array([value]) for name, value in place.results.items() if value is not None}
    for path, fits in writing.fits(layout, "answer", values).items():
        if not fits.all():
            field = layout.field(path)
            yield field.origin.removeprefix("result."), f"{path} ({takes(field, layout.file.codec)})"
