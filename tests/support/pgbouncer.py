"""pgbouncer in front of the embedded PostgreSQL, where it is installed (`apt-get install pgbouncer`)."""

import os
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def pooling(url: str, folder: Path, mode: str, *, size: int) -> Generator[str, None, None]:
    """Run pgbouncer in front of the database at `url` and give the address through it.

    Args:
        url: an address of the embedded PostgreSQL.
        folder: for its files; empty.
        mode: `session` or `transaction`.
        size: connections that it keeps to the database.
    """
    assert PGBOUNCER is not None
    parts = urlsplit(url)
    sockets, name, user = parse_qs(parts.query)["host"][0], parts.path.strip("/"), parts.username
    port = free_port()
    (folder / "users").write_text(f'"{user}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={sockets} user={user}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\nauth_file = {folder}/users\npool_mode = {mode}\ndefault_pool_size = {size}\n"
    )
    # It refuses to be root, and the socket is for PostgreSQL's own user only.
    owner = Path(sockets, ".s.PGSQL.5432").stat()
    is_root = os.geteuid() == 0
    if is_root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
    process = subprocess.Popen(
        [PGBOUNCER, "pgbouncer.ini"],
        cwd=folder,
        stderr=subprocess.PIPE,
        user=owner.st_uid if is_root else None,
        group=owner.st_gid if is_root else None,
        extra_groups=[] if is_root else None,
        text=True,
    )
    assert process.stderr is not None
    try:
        reported = ""
        for line in process.stderr:
            reported += line
            if "process up" in line:
                break
        else:
            raise RuntimeError(reported)
        yield f"postgresql://{user}@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.communicate(timeout=10)
