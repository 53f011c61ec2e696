"""L5: the command line. It parses and prints; the jobs are in `pipeline`."""
