"""L1: the device, what really works on it, and which operators to take there."""
