"""The command line and the campaign: schema, plan, run, status."""
