"""The app for a class: `make class`, or `python -m lenslab.ui.teachers.serve [--port 8501]`.

It opens the app to the local network in public mode, where trainings are shown and none can be started, and shows its
address and a QR code, here and on the Teachers page. Whoever is in the same network can open it, so end it (Ctrl-C)
when the lesson is over.
"""

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import segno

HOME = Path(__file__).resolve().parents[3]
ADDRESS = "LENSLAB_CLASS"     # what the Teachers page shows


def own_address() -> str:
    """This machine's address in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))   # a documentation address: it tells only which way out would be taken
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def command(address: str, port: int) -> list[str]:
    return [sys.executable, "-m", "streamlit", "run", str(HOME / "app.py"), "--server.address=0.0.0.0",
            f"--server.port={port}", f"--browser.serverAddress={address}", "--server.headless=true",
            "--server.fileWatcherType=none"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--address", help="this machine's address in the network, where the wrong one is found")
    given = parser.parse_args()
    address = given.address or own_address()
    link = f"http://{address}:{given.port}"
    if address.startswith("127."):
        print("This machine is in no network, so only its own browser can open the app. Connect it, and start again.")
    print(f"For the class: {link}\nEverybody in this network can open it. End it with Ctrl-C.\n", flush=True)
    segno.make(link, error="m").terminal(compact=True)
    sys.stdout.flush()
    try:
        subprocess.run(command(address, given.port), cwd=HOME, check=False,
                       env=os.environ | {"LENSLAB_PUBLIC": "1", ADDRESS: link})
    except KeyboardInterrupt:
        print("The lesson is over: nobody can open the app any more.")


if __name__ == "__main__":
    main()
