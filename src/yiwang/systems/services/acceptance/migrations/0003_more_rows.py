"""Materials, inspections and deliveries are reached through their draft or their application."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_through


class Migration(migrations.Migration):
    dependencies = [("acceptance", "0002_rows")]
    operations = [
        secure_through("acceptance_material", "draft_id", "acceptance_draft", ("application_id", "acceptance_application")),
        secure_through("acceptance_inspection", "application_id", "acceptance_application"),
        secure_through("acceptance_delivery", "application_id", "acceptance_application"),
    ]
