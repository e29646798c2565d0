"""Licences are their holder's; content and face of a version never change, and no use is taken back."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_through

KEEP = """
CREATE FUNCTION licences_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(NEW) - 'state' - 'reason' - 'changed_at') <> (to_jsonb(OLD) - 'state' - 'reason' - 'changed_at') THEN
    RAISE EXCEPTION 'a licence version never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION licences_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% stays for good', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER licences_licence_kept BEFORE UPDATE ON licences_licence FOR EACH ROW EXECUTE FUNCTION licences_kept();
CREATE TRIGGER licences_licence_stays BEFORE DELETE ON licences_licence FOR EACH ROW EXECUTE FUNCTION licences_refuse();
CREATE TRIGGER licences_use_kept BEFORE UPDATE OR DELETE ON licences_use FOR EACH ROW EXECUTE FUNCTION licences_refuse();
"""
DROP = """
DROP TRIGGER licences_use_kept ON licences_use; DROP TRIGGER licences_licence_stays ON licences_licence;
DROP TRIGGER licences_licence_kept ON licences_licence; DROP FUNCTION licences_refuse(); DROP FUNCTION licences_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("licences", "0001_initial")]
    operations = [
        migrations.RunSQL(KEEP, DROP),
        secure("licences_licence", "holder_id"),
        secure_through("licences_use", "licence_id", "licences_licence"),
        secure_through("licences_authorisation", "licence_id", "licences_licence"),
    ]
