"""From DI tracks through chains to samples."""
