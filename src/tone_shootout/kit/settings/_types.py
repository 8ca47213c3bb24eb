"""Numbers with their ranges, for fields of the settings."""

from typing import Annotated

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1024)]
Processes = Annotated[int, msgspec.Meta(ge=0, le=1024)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1_000_000_000)]
