"""How the embedded `nano` VAE is made; not part of the installed package."""
