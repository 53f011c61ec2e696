"""L1: files <-> named tensors. Alone knows the formats of weight files. Importing its modules loads torch."""
