"""L1: arithmetic on sizes, times and tiles. No torch."""
