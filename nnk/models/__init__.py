"""Barrier models: networks that give the barriers of a vacancy's jumps."""
