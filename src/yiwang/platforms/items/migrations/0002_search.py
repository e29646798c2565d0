"""The one row of the search version; published versions never change in content."""

from django.db import migrations

KEEP = """
INSERT INTO items_searchversion (version) VALUES (1);
CREATE FUNCTION items_published_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'draft' AND (to_jsonb(NEW) - 'state') <> (to_jsonb(OLD) - 'state') THEN
    RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER items_itemversion_kept BEFORE UPDATE ON items_itemversion FOR EACH ROW EXECUTE FUNCTION items_published_kept();
"""
DROP = "DROP TRIGGER items_itemversion_kept ON items_itemversion; DROP FUNCTION items_published_kept(); DELETE FROM items_searchversion"


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = [migrations.RunSQL(KEEP, DROP)]
