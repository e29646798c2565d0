"""Tasks, limits and papers are reached through their case; and nobody from whom a case is withheld reaches any of it."""

from django.db import migrations

from yiwang.engines.audit.shutting import shut, shut_behind
from yiwang.kit.rowsecurity import secure_through

CASES = "procedures_case"


class Migration(migrations.Migration):
    dependencies = [("procedures", "0006_flow_guards"), ("audit", "0006_withheld_rows")]
    operations = [
        secure_through("procedures_task", "case_id", CASES),
        secure_through("procedures_deadline", "case_id", CASES),
        secure_through("procedures_deadlinemove", "deadline_id", "procedures_deadline"),
        secure_through("procedures_extension", "deadline_id", "procedures_deadline"),
        secure_through("procedures_paper", "event_id", "procedures_event"),
        shut(CASES, "id"),
        *(shut(table, "case_id") for table in ("procedures_event", "procedures_task", "procedures_deadline", "procedures_caseflow", "procedures_flowtimer")),
        shut_behind("procedures_deadlinemove", "deadline_id", "procedures_deadline"),
        shut_behind("procedures_extension", "deadline_id", "procedures_deadline"),
        shut_behind("procedures_paper", "event_id", "procedures_event"),
    ]
