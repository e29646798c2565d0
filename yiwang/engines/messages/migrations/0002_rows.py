"""Messages are their receiver's."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("messages", "0001_initial")]
    operations = [secure("messages_message", "to_id")]
