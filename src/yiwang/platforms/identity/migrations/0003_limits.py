"""Where limits on tries are counted for all processes (django's database cache), and one user name whatever its case."""

from django.db import migrations, models
from django.db.models.functions import Lower

TABLE = (
    "CREATE UNLOGGED TABLE identity_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL);"
    " CREATE INDEX identity_cache_expires ON identity_cache (expires)"
)


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_age")]
    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE identity_cache"),
        migrations.AddConstraint("account", models.UniqueConstraint(Lower("username"), name="username_once")),
    ]
