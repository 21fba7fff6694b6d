"""What is measured on labels, states and trajectories: arrays in, arrays out, no files."""
