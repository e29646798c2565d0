"""Drawn flows: BPMN 2.0 that officials redraw, checked for soundness before it is published, run by SpiffWorkflow from then on."""
