"""Who told of something is seen by them and by officials only; `visible_to` and `caller` say which officials."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_written


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]
    operations = [secure_written("incidents_report", "reporter_id")]
