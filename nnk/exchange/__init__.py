"""Metropolis exchange of atoms: order in equilibrium, on the lattice alone or with the atoms in motion."""
