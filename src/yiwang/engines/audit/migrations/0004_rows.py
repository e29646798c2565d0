"""What was done is read by whoever did it and by officials; anybody's act adds to it."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_written


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_chain_check")]
    operations = [secure_written("audit_entry", "party")]
