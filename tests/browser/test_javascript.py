"""A program for Node.js runs in Chromium, as on machines without Node.js."""

from pathlib import Path

from tests.support.javascript import run_in_chromium

PROGRAM = """
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
const file = join("made", "copy.bin");
await mkdir(dirname(file), { recursive: true });
await writeFile(file, Buffer.from((await readFile("given.bin")).buffer));
const answer = await fetch(`${process.env.SHOOTOUT_URL}/health/live`);
console.log(process.argv[2], answer.status);
"""


async def test_a_program_reads_and_writes_files_and_asks_the_service(tmp_path: Path, base_url: str) -> None:
    (tmp_path / "program.mjs").write_text(PROGRAM)
    (tmp_path / "given.bin").write_bytes(bytes(range(256)) * 100)
    ended = await run_in_chromium(tmp_path / "program.mjs", "word", folder=tmp_path, environ={"SHOOTOUT_URL": base_url})
    assert ended == (0, "word 200\n", "")
    assert (tmp_path / "made" / "copy.bin").read_bytes() == (tmp_path / "given.bin").read_bytes()
    (tmp_path / "program.mjs").write_text("throw new Error('as it must')")
    failed = await run_in_chromium(tmp_path / "program.mjs", folder=tmp_path, environ={"SHOOTOUT_URL": base_url})
    assert failed.code == 1
    assert "as it must" in failed.errors
