"""A person's requests are theirs and the officials'."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("registers", "0006_correction_requests")]
    operations = [secure("registers_correctionrequest", "party_id")]
