"""An address is its party's."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("messaging", "0003_channels")]
    operations = [secure("messaging_subscription", "party_id")]
