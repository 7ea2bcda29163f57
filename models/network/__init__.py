"""SAM 2 in plain PyTorch, one file a block; parameter names are the keys of Meta's checkpoints."""
