"""A running app and a real Chromium. Without a browser these tests skip, unless LENSLAB_REQUIRE_BROWSER=1."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

HOME = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
expect.set_options(timeout=30000)  # machines of a CI are slow, and seldom quiet
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        words = f"No browser is installed: none of {', '.join(BROWSERS)} is on the path."
        if os.environ.get("LENSLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(words)
        pytest.skip(words)
    return found


@pytest.fixture(scope="session")
def browser(chromium_path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(log: Path, script: Path = HOME / "app.py"):
    """The app, or another script, on a free port in the environment of this moment; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}",
             "--server.headless=true", "--server.fileWatcherType=none"], cwd=HOME, stdout=out, stderr=out)
        try:
            end = time.monotonic() + 90
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
                    break
                except (urllib.error.URLError, OSError):
                    if server.poll() is not None or time.monotonic() > end:
                        pytest.fail(f"The app did not start:\n{log.read_text()}")
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


@pytest.fixture(scope="session")
def serve():
    """`served`, for tests that want an app of their own."""
    return served


@pytest.fixture(scope="session")
def address(chromium_path, tmp_path_factory):
    """The app that all tests share which want no other."""
    with served(tmp_path_factory.mktemp("app") / "log.txt") as found:
        yield found


@pytest.fixture
def visit(browser, address):
    """Open the page, wide or narrow, light or dark; fails where the page's own scripts fail."""
    contexts, errors = [], []

    def open_page(query: str = "", width: int = 1440, height: int = 900, theme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        context.set_default_timeout(60000)
        context.on("weberror", lambda error: errors.append(str(error.error)))     # of every tab
        contexts.append(context)
        page = context.new_page()
        page.goto(address + query)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors
