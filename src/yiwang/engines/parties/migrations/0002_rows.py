"""A person reaches only their own rows and those of whom they act for."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure


class Migration(migrations.Migration):
    dependencies = [("parties", "0001_initial")]
    operations = [
        secure("parties_party", "id"),
        secure("parties_person", "party_id"),
        secure("parties_legalentity", "party_id", "representative_id"),
        secure("parties_delegation", "principal_id", "agent_id"),
    ]
