"""L3: measurements, interleaved, as medians and ratios."""
