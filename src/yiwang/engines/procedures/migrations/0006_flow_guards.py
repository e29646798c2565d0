"""A published drawing never changes and is never deleted; the marks and timers of a case are seen by whoever sees the case."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure_through

PUBLISHED = """
CREATE FUNCTION procedures_flow_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.published_at IS NOT NULL AND (TG_OP = 'DELETE' OR
     (OLD.bpmn, OLD.dmn, OLD.digest, OLD.procedure, OLD.item, OLD.number, OLD.valid_from, OLD.published_at)
     IS DISTINCT FROM (NEW.bpmn, NEW.dmn, NEW.digest, NEW.procedure, NEW.item, NEW.number, NEW.valid_from, NEW.published_at)) THEN
    RAISE EXCEPTION 'a published flow never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER procedures_flowversion_published BEFORE UPDATE OR DELETE ON procedures_flowversion FOR EACH ROW EXECUTE FUNCTION procedures_flow_published();
"""


class Migration(migrations.Migration):
    dependencies = [("procedures", "0005_drawn_flows")]
    operations = [
        migrations.RunSQL(PUBLISHED, "DROP TRIGGER procedures_flowversion_published ON procedures_flowversion; DROP FUNCTION procedures_flow_published()"),
        secure_through("procedures_caseflow", "case_id", "procedures_case"),
        secure_through("procedures_flowtimer", "case_id", "procedures_case"),
    ]
