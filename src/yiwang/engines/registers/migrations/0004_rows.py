"""What a register said before is for officials."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_officials


class Migration(migrations.Migration):
    dependencies = [("registers", "0003_calendar_confirmed_policies_entered")]
    operations = [secure_officials("registers_version")]
