"""A hand-over belongs to the two people that it is between; officials reach it by their office."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("river_chief", "0003_water_and_orders")]
    operations = [secure("river_chief_handover", "giver_id", "taker_id")]
