"""Messages, their deliveries and addresses are their receiver's."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_through


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]
    operations = [secure("messaging_message", "to_id"), secure_through("messaging_dispatch", "message_id", "messaging_message")]
