"""L2: the video VAE, the centre of it all."""
