"""Messages are their receiver's."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]
    operations = [secure("messaging_message", "to_id")]
