"""Forms that were done, each under the digest of what was sent, with where its answer led (shells.once)."""

from django.db import migrations

TABLE = (
    "CREATE TABLE sent_form (digest bytea PRIMARY KEY, begun timestamptz NOT NULL DEFAULT now(), answer text);"
    " CREATE INDEX sent_form_begun ON sent_form (begun)"
)


class Migration(migrations.Migration):
    dependencies = []
    operations = [migrations.RunSQL(TABLE, "DROP TABLE sent_form")]
