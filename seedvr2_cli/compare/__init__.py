"""L2: two clips side by side, in numbers and in pictures. No torch."""
