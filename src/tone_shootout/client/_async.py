"""The asynchronous client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
from tenacity import AsyncRetrying
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tone_shootout.client import _operations as operations
from tone_shootout.client._calls import API, Call, Reply, Steps, reply_of, unreachable
from tone_shootout.client._downloads import Download, is_complete, target_of
from tone_shootout.client._operations import OnUpload
from tone_shootout.client._retries import policy
from tone_shootout.client._spec_files import NamedFile, SpecFile, content_of, local_file, local_files
from tone_shootout.client._watching import FINISHED, Watching
from tone_shootout.client.errors import ConnectionFailedError
from tone_shootout.client.models import Artifact, Event, Job, Kind, LibraryItem, UploadResult

T = TypeVar("T")


class AsyncClient:
    """A client of a service, for asyncio.

    Every method raises `ApiError` (or the subclass of the code) for a rejected request, and `ConnectionFailedError`
    for a service that can't be reached. Requests are retried after connection errors and temporary errors; a retried
    request takes effect once.

    Args:
        url: URL of the service.
        token: API token; None: anonymous.
        timeout_s: timeout of a request, in seconds.
        retries: number of retries of a request.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 60.0, retries: int = 3) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._policy = policy(retries)
        try:
            self._http = httpx.AsyncClient(base_url=f"{self.url}{API}", headers=self._headers, timeout=timeout_s)
        except httpx.InvalidURL as error:
            raise ConnectionFailedError(f"{self.url} is not a valid URL: {error}") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(
        self, method: str, path: str, *, params: dict[str, str | int] | None = None, json: Any = None
    ) -> Any:
        """Send any request to the API and return the decoded body, None if there is none.

        Args:
            method: HTTP method.
            path: path below `/api/v1`, such as `/me`.
            params: query.
            json: JSON body.
        """
        return await self._run(operations.request(method, path, params or {}, json))

    async def library(self, *, kind: Kind | None = None, q: str | None = None) -> list[LibraryItem]:
        """Return the items of your library, newest first: of one kind, or with a text in their names."""
        return await self._run(operations.library(kind, q))

    async def upload(self, path: str | Path, kind: Kind, *, name: str | None = None, notes: str = "") -> LibraryItem:
        """Add a file to your library. If the library has it as this kind, nothing is sent.

        Raises:
            LocalFileError: the file can't be read.
        """
        file = await asyncio.to_thread(local_file, Path(path), kind, name)
        return await self._run(operations.upload(file, notes))

    async def upload_many(self, files: Iterable[NamedFile]) -> list[UploadResult]:
        """Add several files to your library, in few requests; return a result for each, in their order.

        Files that the library has are not sent again. A file that fails does not affect the others.

        Args:
            files: path and kind of each file, and its name in the library where that is not the name of the file.

        Raises:
            LocalFileError: a file can't be read; nothing was sent.
        """
        local = await asyncio.to_thread(local_files, list(files))
        return await self._run(operations.upload_many(local))

    async def upload_archive(self, path: str | Path, *, tags: Sequence[str] = ()) -> list[UploadResult]:
        """Add the captures and sound files of a ZIP archive to your library; return a result for each entry.

        Args:
            path: path of the archive.
            tags: tags of all items.

        Raises:
            LocalFileError: the archive can't be read.
        """
        return await self._run(operations.upload_archive(Path(path), tags))

    async def delete_item(self, item_id: UUID | str) -> None:
        """Delete an item of your library."""
        await self._run(operations.delete_item(item_id))

    async def set_picture(self, item_id: UUID | str, path: str | Path) -> None:
        """Set the picture of the gear of an item of your library: a JPEG, PNG or WebP file.

        Raises:
            LocalFileError: the file can't be read.
        """
        await self._run(operations.set_picture(item_id, content_of(Path(path))))

    async def remove_picture(self, item_id: UUID | str) -> None:
        """Delete the picture of an item of your library."""
        await self._run(operations.remove_picture(item_id))

    async def submit(self, config: dict[str, Any]) -> Job:
        """Create a shootout from a config, a spec with ids of library items as `asset`, and submit it."""
        return await self._run(operations.submit(config))

    async def submit_spec(self, path: str | Path, *, on_upload: OnUpload | None = None) -> Job:
        """Submit a local spec file, TOML or JSON. Files that your library does not have are uploaded.

        Args:
            path: path of the spec; paths in it are relative to its folder.
            on_upload: called with the library item of each file; `is_new` says whether it was uploaded.

        Raises:
            LocalFileError: a file can't be read, or the spec is malformed.
        """
        spec = await asyncio.to_thread(SpecFile, Path(path))
        return await self._run(operations.submit_spec(spec, on_upload))

    async def jobs(self, *, status: str | None = None, limit: int = 20) -> list[Job]:
        """Return your newest jobs."""
        return await self._run(operations.jobs(status, limit))

    async def job(self, job_id: UUID | str) -> Job:
        """Return a job."""
        return await self._run(operations.job(job_id))

    async def cancel(self, job_id: UUID | str) -> Job:
        """Cancel a job. A running job is `cancelling` until its worker has stopped."""
        return await self._run(operations.cancel(job_id))

    async def retry(self, job_id: UUID | str) -> Job:
        """Retry a failed or cancelled job."""
        return await self._run(operations.retry(job_id))

    async def watch(self, job_id: UUID | str, *, after: int | None = None) -> AsyncIterator[Event]:
        """Yield the events of a job up to `done`, in order and each once, over any number of connections.

        Args:
            job_id: id of the job.
            after: number of the last event received earlier. None: the first event is a snapshot of the job.
        """
        watching = Watching(self.url, job_id, after)
        while True:
            try:
                async with connect(watching.address, additional_headers=self._headers, max_size=None) as socket:
                    async for message in socket:
                        if (event := watching.receive(message)) is not None:
                            yield event
                            if event.type == "done":
                                return
                    if socket.close_code == FINISHED:
                        return
                delay_s = watching.lost()
            except (WebSocketException, OSError) as error:
                delay_s = watching.lost(error)
            await asyncio.sleep(delay_s)

    async def artifacts(self, job_id: UUID | str) -> list[Artifact]:
        """Return the files that a job has produced."""
        return await self._run(operations.artifacts(job_id))

    async def download(
        self, job_id: UUID | str, out: str | Path, *, on_file: Callable[[Artifact], None] | None = None
    ) -> list[Path]:
        """Download all results of a job and check their SHA-256. Files that are there are not downloaded again.

        Args:
            job_id: id of the job.
            out: folder, created if missing.
            on_file: called with each artifact after it is saved.

        Returns:
            Paths of the files.

        Raises:
            InvalidResponseError: content differs from its SHA-256.
            LocalFileError: a file can't be written.
        """
        saved = []
        for artifact in await self.artifacts(job_id):
            target = target_of(artifact, Path(out))
            if not await asyncio.to_thread(is_complete, artifact, target):
                await self._save(operations.artifact_path(job_id, artifact.path), artifact, target)
            saved.append(target)
            if on_file is not None:
                on_file(artifact)
        return saved

    async def _save(self, path: str, artifact: Artifact, target: Path) -> None:
        with Download(artifact, target) as download:
            try:
                async for attempt in AsyncRetrying(**self._policy):
                    with attempt:
                        async with self._http.stream("GET", path, headers=download.headers) as response:
                            if not response.is_success:
                                await response.aread()
                            download.begin(response, attempt.retry_state.attempt_number)
                            async for chunk in response.aiter_bytes():
                                download.write(chunk)
            except httpx.TransportError as error:
                raise unreachable(self.url, error) from None
            download.finish()

    async def _run(self, steps: Steps[T]) -> T:
        try:
            call = next(steps)
            while True:
                call = steps.send(await self._send(call))
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def _send(self, call: Call) -> Reply:
        try:
            async for attempt in AsyncRetrying(**self._policy):
                with attempt, call.arguments() as arguments:
                    reply = reply_of(await self._http.request(**arguments), attempt.retry_state.attempt_number)
        except httpx.TransportError as error:
            raise unreachable(self.url, error) from None
        return reply  # pyrefly: ignore[unbound-name]  # there is at least one attempt
