"""A booking sums to zero at commit; entries are append-only; bills, their lines and payments are their payer's."""

from django.db import migrations

from yiwang.kit.rowsecurity import secure, secure_through

BALANCE = """
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT sum(amount) FROM ledger_entry WHERE transaction_id = NEW.transaction_id) <> 0 THEN
    RAISE EXCEPTION 'booking % does not balance', NEW.transaction_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger_balanced();
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER ledger_entry_kept BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_transaction_kept BEFORE UPDATE OR DELETE ON ledger_transaction FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_entry_whole BEFORE TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_transaction_whole BEFORE TRUNCATE ON ledger_transaction FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""
DROP = """
DROP TRIGGER ledger_transaction_whole ON ledger_transaction; DROP TRIGGER ledger_entry_whole ON ledger_entry;
DROP TRIGGER ledger_transaction_kept ON ledger_transaction; DROP TRIGGER ledger_entry_kept ON ledger_entry; DROP FUNCTION ledger_refuse();
DROP TRIGGER ledger_entry_balanced ON ledger_entry; DROP FUNCTION ledger_balanced();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(BALANCE, DROP),
        secure("ledger_bill", "payer_id"),
        secure_through("ledger_billline", "bill_id", "ledger_bill"),
        secure_through("ledger_payment", "bill_id", "ledger_bill"),
    ]
