"""`python -m tone_shootout.fake_tone3000`: run the stand-in; the first line of output is its URL."""

import argparse
import asyncio
import socket

from tone_shootout.gc_tuning import gc_disabled

with gc_disabled():
    import uvicorn

    from tone_shootout.fake_tone3000.app import create_app


def main() -> None:
    """Serve until a stop signal arrives."""
    parser = argparse.ArgumentParser(prog="python -m tone_shootout.fake_tone3000", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0: a free one")
    arguments = parser.parse_args()
    config = uvicorn.Config(
        create_app(), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    with socket.create_server((arguments.host, arguments.port)) as listener:
        print(f"http://{arguments.host}:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - the caller reads the URL
        asyncio.run(uvicorn.Server(config).serve([listener]))


main()
