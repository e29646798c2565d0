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

# The one question that anybody may ask, in one round trip: who is asking is set aside inside the function and nothing but these columns comes out.
PUBLIC = """
CREATE FUNCTION licences_public(wanted text) RETURNS TABLE (
  state varchar, valid_from date, valid_to date, type varchar, holder varchar, kind varchar, issuer varchar, successor varchar
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE asking text := coalesce(current_setting('yiwang.mode', true), '');
BEGIN
  PERFORM set_config('yiwang.mode', 'system', true);
  RETURN QUERY
    SELECT l.state, l.valid_from, l.valid_to, t.name, p.name, p.kind, o.name, n.identifier
    FROM licences_licence l
    JOIN licences_licencetype t ON t.key = l.type_id JOIN parties_party p ON p.id = l.holder_id JOIN parties_organisation o ON o.id = l.issuer_id
    LEFT JOIN licences_licence n ON n.previous_id = l.id
    WHERE l.identifier = wanted;
  PERFORM set_config('yiwang.mode', asking, true);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("licences", "0001_initial")]
    operations = [
        migrations.RunSQL(KEEP, DROP),
        migrations.RunSQL(PUBLIC, "DROP FUNCTION licences_public(text)"),
        secure("licences_licence", "holder_id"),
        secure_through("licences_use", "licence_id", "licences_licence"),
        secure_through("licences_authorisation", "licence_id", "licences_licence"),
    ]
