"""Clusters as data, and the module that turns them into a Parsl configuration."""
