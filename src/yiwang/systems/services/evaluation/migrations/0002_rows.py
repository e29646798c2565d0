"""A rating is reached through its case."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_through


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0001_initial"), ("procedures", "0002_guards")]
    operations = [secure_through("evaluation_rating", "case_id", "procedures_case")]
