"""Nobody from whom a case is withheld reads the record of it."""

from django.db import migrations

from yiwang.engines.audit.shutting import shut


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_withheld_rows")]
    operations = [shut("audit_entry", '"case"'), shut("audit_access", '"case"')]
