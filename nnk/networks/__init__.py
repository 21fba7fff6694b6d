"""Trainable networks, one kind to a file. `nnk.networks.kinds` lists them and imports no torch."""
