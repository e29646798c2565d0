"""Platform patrols: who walks which course how often, and whether a round that came in from a phone really was one."""
