"""A petition belongs to its petitioner; what hangs on it is reached through it. The accused is refused by the database too, whatever post is held."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_officials, secure_through

SHUT = """
CREATE POLICY online_petition_withheld ON online_petition_petition AS RESTRICTIVE USING (
    current_setting('yiwang.mode', true) = 'system' OR NOT EXISTS (
        SELECT 1 FROM audit_withheld w WHERE w."case" = online_petition_petition.case_id
        AND w.party = ANY (coalesce(nullif(current_setting('yiwang.parties', true), ''), '{}')::bigint[])
    )
)
"""
BEHIND = """
CREATE POLICY online_petition_{name}_withheld ON online_petition_{name} AS RESTRICTIVE USING (
    current_setting('yiwang.mode', true) = 'system' OR EXISTS (SELECT 1 FROM online_petition_{parent} p WHERE p.{theirs} = online_petition_{name}.{own})
)
"""


def behind(name: str, own: str, parent: str, theirs: str) -> migrations.RunSQL:
    """Officials too reach a row only with what it belongs to."""
    return migrations.RunSQL(BEHIND.format(name=name, own=own, parent=parent, theirs=theirs), f"DROP POLICY online_petition_{name}_withheld ON online_petition_{name}")


THROUGH = ("member", "accused", "instance", "transfer", "report", "supervision")


class Migration(migrations.Migration):
    dependencies = [("online_petition", "0001_initial"), ("audit", "0006_withheld_rows"), ("procedures", "0004_answered")]
    operations = [
        secure("online_petition_petition", "petitioner_id"),
        migrations.RunSQL(SHUT, "DROP POLICY online_petition_withheld ON online_petition_petition"),
        secure("online_petition_draft", "author_id"),
        *(secure_through(f"online_petition_{name}", "petition_id", "online_petition_petition") for name in THROUGH),
        *(behind(name, "petition_id", "petition", "id") for name in THROUGH),
        behind("reply", "case_id", "instance", "case_id"),
        behind("hearing", "case_id", "instance", "case_id"),
        secure_through("online_petition_reply", "case_id", "procedures_case"),
        secure_through("online_petition_hearing", "case_id", "procedures_case"),
        secure_officials("online_petition_warning"),
    ]
