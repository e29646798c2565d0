"""The serial of case numbers, immutability of what happened, and row security."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_through

IMMUTABLE = """
CREATE FUNCTION procedures_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER procedures_event_immutable BEFORE UPDATE OR DELETE ON procedures_event FOR EACH ROW EXECUTE FUNCTION procedures_immutable();
CREATE TRIGGER procedures_deadlinemove_immutable BEFORE UPDATE OR DELETE ON procedures_deadlinemove FOR EACH ROW EXECUTE FUNCTION procedures_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("procedures", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE procedures_case_serial", "DROP SEQUENCE procedures_case_serial"),
        migrations.RunSQL(
            IMMUTABLE,
            "DROP TRIGGER procedures_event_immutable ON procedures_event; DROP TRIGGER procedures_deadlinemove_immutable ON procedures_deadlinemove;"
            " DROP FUNCTION procedures_immutable()",
        ),
        secure("procedures_case", "applicant_id", "agent_id"),
        secure_through("procedures_event", "case_id", "procedures_case"),
    ]
