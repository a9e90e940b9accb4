"""What the requests of a chunk say stands in a table of its own, and a chunk's result last in its row."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cominflow", "0003_reference_runs")]

    operations = [
        migrations.CreateModel(
            name="ChunkPayload",
            fields=[
                (
                    "chunk",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="cominflow.chunk",
                    ),
                ),
                ("payload", models.BinaryField()),
            ],
        ),
        migrations.RunSQL(
            "INSERT INTO cominflow_chunkpayload (chunk_id, payload)"
            " SELECT id, payload FROM cominflow_chunk WHERE length(payload) > 0"
        ),
        migrations.RemoveField(model_name="chunk", name="payload"),
        migrations.AddField(model_name="chunk", name="moved", field=models.BinaryField(null=True)),
        migrations.RunSQL("UPDATE cominflow_chunk SET moved = result"),
        migrations.RemoveField(model_name="chunk", name="result"),
        migrations.RenameField(model_name="chunk", old_name="moved", new_name="result"),
    ]
