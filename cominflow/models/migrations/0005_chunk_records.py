"""The records of a chunk stand beside what they say, not in it: most readers need only that."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cominflow", "0004_chunk_payloads")]

    operations = [
        migrations.AddField(model_name="chunkpayload", name="records", field=models.BinaryField(null=True)),
    ]
