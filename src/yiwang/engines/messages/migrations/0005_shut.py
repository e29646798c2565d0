"""Nobody from whom a case is withheld reaches a message about it."""

from django.db import migrations

from yiwang.engines.audit.shutting import shut


class Migration(migrations.Migration):
    dependencies = [("messaging", "0004_subscription_rows"), ("audit", "0006_withheld_rows")]
    operations = [shut("messaging_message", '"case"')]
