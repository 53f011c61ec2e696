"""L4: the shots of a film on several GPUs or machines, by Ray. It alone imports `ray`, inside functions."""
