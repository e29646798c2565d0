"""An order is reached through its bill."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_through


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [secure_through("payments_order", "bill_id", "ledger_bill")]
