"""Nobody changes or removes a record, and a person reaches only the looks at their own data."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure

TABLES = ("audit_entry", "audit_access", "audit_batch", "audit_leaf")
REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
""" + "".join(
    f"CREATE TRIGGER {t}_rows BEFORE UPDATE OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION audit_refuse();"
    f"CREATE TRIGGER {t}_all BEFORE TRUNCATE ON {t} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();"
    for t in TABLES
)
ALLOW = "".join(f"DROP TRIGGER {t}_rows ON {t}; DROP TRIGGER {t}_all ON {t};" for t in TABLES) + "DROP FUNCTION audit_refuse()"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(REFUSE, ALLOW), secure("audit_access", "party")]
