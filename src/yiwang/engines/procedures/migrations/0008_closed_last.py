"""The last closed cases of a procedure are found without sorting all of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("procedures", "0007_shut")]
    operations = [
        migrations.AddIndex(
            "case",
            models.Index(models.F("procedure"), models.F("closed_at").desc(), name="case_closed_last", condition=models.Q(closed_at__isnull=False, parent=None)),
        ),
    ]
