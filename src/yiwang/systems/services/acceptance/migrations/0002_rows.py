"""Drafts and applications are their people's."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_through


class Migration(migrations.Migration):
    dependencies = [("acceptance", "0001_initial")]
    operations = [
        secure("acceptance_draft", "applicant_id", "author_id"),
        secure_through("acceptance_application", "case_id", "procedures_case"),
    ]
