"""L3: one file per job."""
