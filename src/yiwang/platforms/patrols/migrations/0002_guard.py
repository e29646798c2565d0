"""Where somebody walked is seen by them and by officials only."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("patrols", "0001_initial")]
    operations = [secure("patrols_round", "walker_id")]
