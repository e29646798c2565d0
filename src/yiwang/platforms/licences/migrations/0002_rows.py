"""Licences are their holder's; content and face of a version never change."""

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
CREATE TRIGGER licences_licence_kept BEFORE UPDATE ON licences_licence FOR EACH ROW EXECUTE FUNCTION licences_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("licences", "0001_initial")]
    operations = [
        migrations.RunSQL(KEEP, "DROP TRIGGER licences_licence_kept ON licences_licence; DROP FUNCTION licences_kept()"),
        secure("licences_licence", "holder_id"),
        secure_through("licences_use", "licence_id", "licences_licence"),
    ]
