"""Cards, frames and the encoding of the video."""
