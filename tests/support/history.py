"""Years of finished jobs of other users, written by the database itself."""

from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

_SCRIPT = Path(__file__).with_name("history.sql")


async def write_history(engine: AsyncEngine, jobs: int) -> None:
    """Add so many finished jobs with three events each, and what belongs to them (`history.sql`)."""
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.transaction():
            await driver.execute(_SCRIPT.read_text().replace(":jobs", str(jobs)))
        await driver.execute("VACUUM ANALYZE")
