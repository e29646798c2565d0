"""The database shuts out the offices that are accused too, not only the people. What an official may not see is asked once for a query, not once for a row."""

from django.db import migrations

SETTING = "ANY (coalesce(nullif(current_setting('yiwang.{name}', true), ''), '{{}}')::bigint[])"
PARTIES, ORGANS = SETTING.format(name="parties"), SETTING.format(name="organs")
DROP = "DROP POLICY online_petition_withheld ON online_petition_petition;"
CREATE = "CREATE POLICY online_petition_withheld ON online_petition_petition AS RESTRICTIVE USING (current_setting('yiwang.mode', true) = 'system' OR {condition})"
BOTH = f'case_id NOT IN (SELECT w."case" FROM audit_withheld w WHERE w.party = {PARTIES} OR w.organ = {ORGANS})'
PERSONS = f'NOT EXISTS (SELECT 1 FROM audit_withheld w WHERE w."case" = online_petition_petition.case_id AND w.party = {PARTIES})'


class Migration(migrations.Migration):
    dependencies = [("online_petition", "0002_rows")]
    operations = [migrations.RunSQL(DROP + CREATE.format(condition=BOTH), DROP + CREATE.format(condition=PERSONS))]
