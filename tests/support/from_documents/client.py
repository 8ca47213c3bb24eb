"""A client written from docs/api.md and /openapi.json alone: from three files to a downloaded shootout."""

import hashlib
import json
import os
import sys
from pathlib import Path

import httpx

URL, TOKEN = os.environ["SHOOTOUT_URL"], os.environ["SHOOTOUT_TOKEN"]
FILES = {"di_track": "riff.wav", "capture": "plexi.nam", "cab_ir": "v30.wav"}


def main(folder: Path, out: Path) -> None:
    """Make a shootout of the files of a folder, save its archive and its event stream in `out`."""
    calls: list[str] = []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    hooks = {"request": [lambda request: calls.append(f"{request.method} {request.url.path}")]}
    with httpx.Client(base_url=f"{URL}/api/v1", headers=headers, event_hooks=hooks, timeout=120) as client:
        contents = {kind: (folder / name).read_bytes() for kind, name in FILES.items()}
        hashes = {kind: hashlib.sha256(content).hexdigest() for kind, content in contents.items()}
        there = client.get("/library", params={"sha256": list(hashes.values())}).raise_for_status().json()
        ids = {item["kind"]: item["id"] for item in there["items"]}
        for kind in FILES.keys() - ids.keys():
            files = {"file": (FILES[kind], contents[kind])}
            ids[kind] = client.post("/library", data={"kind": kind}, files=files).raise_for_status().json()["id"]

        blocks = [{"type": kind, "asset": ids[kind]} for kind in ("capture", "cab_ir")]
        body = {
            "config": {
                "title": "From the documents",
                "output": {"page": False, "plots": False, "video": False},
                "di_tracks": [{"name": "Riff", "asset": ids["di_track"]}],
                "chains": [{"name": "Plexi", "blocks": blocks}],
            },
            "submit": True,
        }
        checked = client.post("/shootouts/validate", json=body).raise_for_status().json()
        if not checked["valid"]:
            sys.exit(json.dumps(checked["errors"]))
        made = client.post("/shootouts", json=body, headers={"Idempotency-Key": "once"}).raise_for_status().json()

        events = b""
        path = f"/jobs/{made['job']['id']}"
        with client.stream("GET", f"{path}/events", headers={"Accept": "text/event-stream"}) as stream:
            stream.raise_for_status()
            for chunk in stream.iter_raw():
                events += chunk
        last = json.loads(events.strip().rpartition(b"\ndata: ")[2])
        if last["data"]["status"] != "completed":
            sys.exit(json.dumps(last))
        (out / "events.txt").write_bytes(events)
        (out / "results.zip").write_bytes(client.get(f"{path}/archive").raise_for_status().content)
    (out / "calls.json").write_text(json.dumps(calls))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
