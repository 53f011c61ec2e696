"""L1: names to files, on the Hugging Face Hub or in its cache."""
