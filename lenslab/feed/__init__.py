"""How examples reach a training: in which order, from which processes, as columns and tensors. Knows no lens."""
