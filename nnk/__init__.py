"""Neural network kinetics: the science, a library without schedulers or command line."""
