"""Runs of reference hashes instead of segments per arrival; what is decided about repeated requests."""

from typing import Any

import django.db.models.deletion
import numpy as np
from django.db import migrations, models

# As they stand in `reference_runs`; a migration keeps what it was written with.
SLICE_REFERENCES, RUN_REFERENCES, NUMBER_BITS, POSITION_BITS = 4_096, 1_000_000, 20, 30
SLICES_UNFILTERED_MAX = 4
SEAL = b"\x01"


def make_runs(apps: Any, schema_editor: Any) -> None:
    """One run, or more for a large one, of each arrival's segments."""
    segments = apps.get_model("cominflow", "ReferenceSegment").objects
    arrivals = apps.get_model("cominflow", "Arrival").objects
    for arrival_id in list(segments.order_by("arrival_id").values_list("arrival_id", flat=True).distinct()):
        arrival = arrivals.only("pk", "customer_id", "accepted_at", "claimed_at").get(pk=arrival_id)
        found = segments.filter(arrival_id=arrival_id).order_by("slice_number").values_list("hashes", "places")
        waiting: list[Any] = []
        for hashes, places in found.iterator(chunk_size=16):
            waiting.append((np.frombuffer(bytes(hashes)[1:], "<i8"), np.frombuffer(bytes(places)[1:], "<i4")))
            if sum(len(one) for one, _ in waiting) >= RUN_REFERENCES:
                _store(apps, arrival, waiting)
                waiting = []
        if waiting:
            _store(apps, arrival, waiting)


def _store(apps: Any, arrival: Any, parts: list[Any]) -> None:
    hashes, positions = (np.concatenate([part[side] for part in parts]).astype(np.int64) for side in (0, 1))
    order = np.argsort(hashes, kind="stable")
    hashes, places = hashes[order], (np.int64(arrival.pk) << POSITION_BITS) | positions[order]
    starts = range(0, len(hashes), SLICE_REFERENCES)
    at = arrival.accepted_at or arrival.claimed_at
    run = apps.get_model("cominflow", "ReferenceRun").objects.create(
        customer_id=arrival.customer_id,
        arrival_id=arrival.pk,
        month=at.year * 100 + at.month,
        newest_at=at,
        references_count=len(hashes),
        slices_count=len(starts),
        bounds=_sealed(hashes[::SLICE_REFERENCES]),
        filter=SEAL + _filter_of(hashes) if len(starts) > SLICES_UNFILTERED_MAX else b"",
    )
    model = apps.get_model("cominflow", "ReferenceSlice")
    for number, start in enumerate(starts):
        stop = start + SLICE_REFERENCES
        key = run.pk << NUMBER_BITS | number
        model.objects.create(key=key, hashes=_sealed(hashes[start:stop]), places=_sealed(places[start:stop]))


def _filter_of(hashes: Any) -> bytes:
    """Three bits of at least sixteen for each hash."""
    is_set = np.zeros(1 << (len(hashes) * 16 - 1).bit_length(), dtype=np.bool_)
    for shift in (0, 20, 40):
        is_set[((hashes.view(np.uint64) >> np.uint64(shift)) & np.uint64(len(is_set) - 1)).view(np.int64)] = True
    return np.packbits(is_set).tobytes()


def _sealed(values: Any) -> bytes:
    return SEAL + values.astype("<i8").tobytes()


class Migration(migrations.Migration):
    dependencies = [("cominflow", "0002_work_assignments_and_provider_pauses")]

    operations = [
        migrations.CreateModel(
            name="ReferenceRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.IntegerField()),
                ("newest_at", models.DateTimeField()),
                ("references_count", models.IntegerField()),
                ("slices_count", models.IntegerField()),
                ("bounds", models.BinaryField()),
                ("filter", models.BinaryField()),
                (
                    "arrival",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reference_runs",
                        to="cominflow.arrival",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="cominflow.customer"),
                ),
            ],
            options={"indexes": [models.Index(fields=["customer", "month"], name="reference_run_month")]},
        ),
        migrations.CreateModel(
            name="ReferenceSlice",
            fields=[
                ("key", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hashes", models.BinaryField()),
                ("places", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Repeats",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ordinal", models.IntegerField()),
                ("refused_count", models.IntegerField()),
                ("answered_count", models.IntegerField()),
                ("corrected_count", models.IntegerField()),
                ("payload", models.BinaryField()),
                (
                    "arrival",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="repeats", to="cominflow.arrival"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("arrival", "ordinal"), name="repeats_of_portion")]
            },
        ),
        migrations.AddField(
            model_name="arrival",
            name="released_as",
            field=models.CharField(blank=True, default="", max_length=8),
        ),
        migrations.RemoveIndex(model_name="request", name="request_reference"),
        migrations.AlterField(
            model_name="request", name="reference_hash", field=models.BigIntegerField(null=True)
        ),
        migrations.AddIndex(
            model_name="request",
            index=models.Index(
                condition=models.Q(("reference_hash__isnull", False)),
                fields=["reference_hash"],
                name="request_reference",
            ),
        ),
        migrations.RunPython(make_runs),
        migrations.DeleteModel(name="ReferenceSegment"),
    ]
