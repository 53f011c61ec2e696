"""L1: files to frames and back; the one place that starts ffmpeg. No torch."""
