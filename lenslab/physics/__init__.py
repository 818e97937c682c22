"""Physics on tensors: no module state, no files, no networks."""
