"""The stretch of a bank that a person holds is theirs to see; officials reach it by their office."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("river_chief", "0006_banks_zones_searches")]
    operations = [secure("river_chief_bank", "holder_id")]
