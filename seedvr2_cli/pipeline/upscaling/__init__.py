"""L5: a film through encoder, transformer and decoder, shot by shot."""
