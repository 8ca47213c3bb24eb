"""Runs JavaScript programs: in Node.js, else in Chromium with the few functions of Node.js that they use."""

import asyncio
import json
import os
import shutil
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Route, async_playwright

from tests.support.browser import find_chromium

_FS = """
const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const text = (content) => {
  const found = typeof content === "string" ? new TextEncoder().encode(content) : content;
  let made = "";
  for (let at = 0; at < found.length; at += 8192) made += String.fromCharCode(...found.subarray(at, at + 8192));
  return btoa(made);
};
export const readFile = async (path) => bytes(await nodeReadFile(path));
export const writeFile = (path, content) => nodeWriteFile(path, text(content));
export const mkdir = (path) => nodeMkdir(path);
"""
_PATH = """
export const join = (...parts) => parts.join("/");
export const dirname = (path) => path.slice(0, path.lastIndexOf("/"));
"""
_PAGE = """<!doctype html><script type="importmap">
{ "imports": { "node:fs/promises": "/node/fs.mjs", "node:path": "/node/path.mjs" } }
</script><script>
globalThis.process = PROCESS;
globalThis.Buffer = { from: (content) => new Uint8Array(content) };
</script>"""


class Ended(NamedTuple):
    """What a program has written, and its exit code."""

    code: int
    out: str
    errors: str


def has_javascript() -> bool:
    """Whether anything on this machine runs JavaScript."""
    return shutil.which("node") is not None or find_chromium() is not None


async def run_javascript(program: Path, *arguments: str, folder: Path, environ: Mapping[str, str]) -> Ended:
    """Run a program in a folder; it talks to the service at `SHOOTOUT_URL`."""
    node = shutil.which("node")
    if node is None:
        return await run_in_chromium(program, *arguments, folder=folder, environ=environ)
    process = await asyncio.create_subprocess_exec(
        node,
        str(program),
        *arguments,
        cwd=folder,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 120)
    return Ended(process.returncode or 0, out.decode(), errors.decode())


async def run_in_chromium(program: Path, *arguments: str, folder: Path, environ: Mapping[str, str]) -> Ended:
    """Run a program as a module of a page of the service's own origin; files are those of the folder."""
    process = json.dumps({"env": dict(environ), "argv": ["chromium", str(program), *arguments]})
    files = {
        "index.html": ("text/html", _PAGE.replace("PROCESS", process)),
        "fs.mjs": ("text/javascript", _FS),
        "path.mjs": ("text/javascript", _PATH),
        "program.mjs": ("text/javascript", await asyncio.to_thread(program.read_text)),
    }
    lines: list[str] = []

    async def serve(route: Route) -> None:
        media_type, body = files[route.request.url.rpartition("/")[2]]
        await route.fulfill(content_type=media_type, body=body)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("console", lambda message: lines.append(message.text))
        await page.expose_function("nodeReadFile", lambda path: b64encode((folder / path).read_bytes()).decode())
        await page.expose_function("nodeWriteFile", lambda path, text: _write(folder / path, text))
        await page.expose_function("nodeMkdir", lambda path: (folder / path).mkdir(parents=True, exist_ok=True))
        page_url = f"{environ['SHOOTOUT_URL']}/node"
        await page.route(f"{page_url}/*", serve)
        await page.goto(f"{page_url}/index.html")
        error = await page.evaluate("import('/node/program.mjs').then(() => null, (error) => String(error.stack))")
        await browser.close()
    return Ended(0 if error is None else 1, "".join(f"{line}\n" for line in lines), error or "")


def _write(path: Path, text: str) -> None:
    path.write_bytes(b64decode(text))
