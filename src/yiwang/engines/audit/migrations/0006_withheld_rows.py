"""From whom a case is withheld is for officials' queries to ask, and for nobody else."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_officials


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_withheld")]
    operations = [secure_officials("audit_withheld")]
