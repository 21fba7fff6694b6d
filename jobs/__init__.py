"""What a compute node runs: one module per stage."""
