"""The table of jobs and the platform's clock, which no scope shows, for a worker within its transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.writer import Beyond, Writer


@asynccontextmanager
async def queue(writer: Writer) -> AsyncIterator[Beyond]:
    """Where a worker holds or ends the job that it does, and asks for the time."""
    async with writer.beyond("looking after a job") as db:
        yield db
