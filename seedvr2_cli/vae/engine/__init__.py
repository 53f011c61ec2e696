"""The engine: exact in any cut of space and time, in a chosen amount of memory."""
