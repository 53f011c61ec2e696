"""The diffusion transformer: one step from noise and a condition to a restored latent."""
