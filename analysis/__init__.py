"""Post-processing: NetCDF in, figures, tables and a report out."""
