"""Engine ledger."""
