"""Documents and the record of seal uses never change; a file is its owner's, and with it the document it holds."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_through

KEEP = """
CREATE FUNCTION documents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% never changes', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER documents_document_kept BEFORE UPDATE OR DELETE ON documents_document FOR EACH ROW EXECUTE FUNCTION documents_refuse();
CREATE TRIGGER documents_sealuse_kept BEFORE UPDATE OR DELETE ON documents_sealuse FOR EACH ROW EXECUTE FUNCTION documents_refuse();
"""
DROP = """
DROP TRIGGER documents_sealuse_kept ON documents_sealuse; DROP TRIGGER documents_document_kept ON documents_document; DROP FUNCTION documents_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]
    operations = [migrations.RunSQL(KEEP, DROP), secure("documents_file", "owner"), secure_through("documents_document", "file_id", "documents_file")]
