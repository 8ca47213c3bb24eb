"""How `shootout serve --open` opens a browser."""

import stat
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tone_shootout.cli.serve import REDIRECT, _browser

ADDRESS = "http://127.0.0.1:8000/sign-in?code=secret&x=1"


def test_a_browser_gets_a_private_file_that_redirects_not_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)) or True)
    with _browser(tmp_path / REDIRECT, ADDRESS):
        (url,) = opened
        assert "secret" not in url
        file = Path(urlsplit(url).path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "url=http://127.0.0.1:8000/sign-in?code=secret&amp;x=1" in file.read_text()
    assert list(tmp_path.iterdir()) == []


def test_without_the_option_nothing_is_opened(tmp_path: Path) -> None:
    with _browser(tmp_path / REDIRECT, None):
        assert list(tmp_path.iterdir()) == []
