"""Cards, frames and the video made of them."""
