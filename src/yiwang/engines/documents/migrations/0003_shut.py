"""Nobody from whom a case is withheld reaches a document or a file of it."""

from django.db import migrations

from yiwang.engines.audit.shutting import shut


class Migration(migrations.Migration):
    dependencies = [("documents", "0002_immutable"), ("audit", "0006_withheld_rows")]
    operations = [shut("documents_document", '"case"'), shut("documents_file", '"case"')]
