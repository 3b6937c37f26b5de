"""Networks that carry the blocks, one file a family."""
