"""Platform incidents: whatever eye saw it, one incident, one owner, one clock (立案-交办-整改-销号)."""
