"""Neural Amp Modeler captures: `.nam` files of every kind, and the engine that plays them."""

from tone_shootout.audio.nam.capture import ENGINE_VERSION, Capture, Run, load
from tone_shootout.audio.nam.document import Metadata
from tone_shootout.audio.nam.errors import NamError

__all__ = ["ENGINE_VERSION", "Capture", "Metadata", "NamError", "Run", "load"]
