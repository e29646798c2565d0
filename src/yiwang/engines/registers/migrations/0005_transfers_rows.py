"""Files on their way in and rows on their way out are for officials."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_officials


class Migration(migrations.Migration):
    dependencies = [("registers", "0004_rows")]
    operations = [secure_officials("registers_import"), secure_officials("registers_importline"), secure_officials("registers_export")]
