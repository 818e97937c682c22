"""A class on this machine: `python benchmarks/class_load.py [--visitors 25] [--seconds 60]`; try it before a lesson.

Each visitor has two tabs: on Simulate the lens is turned every 3 seconds, on Classify a network that does no fits is
asked every 10. They speak to the app as a browser does, by its websocket, in a process of their own whose processor
time is counted apart; what a browser draws itself, the live lens before all, costs the server nothing and is not here.
A turn lasts until the app has sent all of the page. Run it on a machine with nothing else to do.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from latency import HOME, started
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

NETWORK = "classify-deeplense-1-cnn.safetensors"
TURN_S, ASK_S = 3.0, 10.0
GOALS = {"p95_s": 2.0, "cpu_s": 0.08}
PATIENCE = 180.0     # s: a class arrives at once
TABS = {"simulate": ("Axis ratio", TURN_S, (0.4, 0.95)), "classify": ("Noise", ASK_S, (0.5, 2.0))}


@dataclass
class Tab:
    """One open page: what it was told of its controls, how long each turn took, and what went wrong."""

    page: str
    widgets: dict = field(default_factory=dict)      # id of a slider by its label
    script: str = ""
    seconds: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    async def open(self, address: str) -> None:
        request = HTTPRequest(address.replace("http", "ws") + "/_stcore/stream",
                              headers={"Sec-WebSocket-Protocol": "streamlit", "Origin": address})
        self.socket = await websocket_connect(request, max_message_size=2**28)
        ask = BackMsg()
        ask.rerun_script.page_name = self.page
        await self.run(ask)

    async def run(self, ask: BackMsg) -> None:
        """Send a message and read on until the script has ended, again where the page asked for another run."""
        await self.socket.write_message(ask.SerializeToString(), binary=True)
        while True:
            data = await asyncio.wait_for(self.socket.read_message(), PATIENCE)
            if data is None:
                raise ConnectionError(f"{self.page} was cut off")
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.script = message.new_session.page_script_hash
            elif kind == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "slider":
                    self.widgets[element.slider.label] = element.slider.id
                elif element.WhichOneof("type") == "exception":
                    self.errors.append(element.exception.message)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    async def turn(self, label: str, value: float) -> None:
        """Move a slider and wait for the whole page."""
        ask = BackMsg()
        ask.rerun_script.page_script_hash = self.script
        state = ask.rerun_script.widget_states.widgets.add()
        state.id = self.widgets[label]
        state.double_array_value.data.append(value)
        begun = time.monotonic()
        await self.run(ask)
        self.seconds.append(time.monotonic() - begun)


async def visitor(address: str, number: int, visitors: int, seconds: float) -> list[Tab]:
    """Come within the first seconds, then turn and ask until the time is over."""
    luck, tabs = random.Random(number), [Tab(page) for page in TABS]
    await asyncio.sleep(5 * number / visitors)

    async def sit(tab: Tab) -> None:
        label, every, (low, high) = TABS[tab.page]
        try:
            await tab.open(address)
            await asyncio.sleep(luck.uniform(0, every))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                begun = time.monotonic()
                await tab.turn(label, round(luck.uniform(low, high), 2))
                await asyncio.sleep(max(0.0, every - (time.monotonic() - begun)))
        except (TimeoutError, ConnectionError, OSError, KeyError) as error:
            tab.errors.append(f"{type(error).__name__}: {error}")

    await asyncio.gather(*map(sit, tabs))
    return tabs


async def warm(address: str) -> None:
    """The first visitor, for whom the app loads what all others find."""
    for page in TABS:
        await Tab(page).open(address)


def visit(address: str, visitors: int, seconds: float, pipe) -> None:
    """All visitors, in a process of their own."""
    async def all_of_them() -> list[list[Tab]]:
        return await asyncio.gather(*(visitor(address, number, visitors, seconds) for number in range(visitors)))

    tabs = sum(asyncio.run(all_of_them()), [])
    pipe.send(({page: sum((tab.seconds for tab in tabs if tab.page == page), []) for page in TABS},
               sum((tab.errors for tab in tabs), []), time.process_time()))


def spent(pid: int) -> tuple[float, float]:
    """Processor seconds and MB of memory of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    memory = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(memory.split()[1]) / 1024


def measure(visitors: int, seconds: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HOME / "checkpoints" / NETWORK, folder)
        with started(LENSLAB_CHECKPOINTS=folder, LENSLAB_PUBLIC="1", LENSLAB_RUNS=folder) as (address, server):
            asyncio.run(warm(address))
            before, _ = spent(server.pid)
            here, there = get_context("spawn").Pipe()
            load = get_context("spawn").Process(target=visit, args=(address, visitors, seconds, there))
            load.start()
            found = here.recv()
            load.join()
            cpu, memory = spent(server.pid)
    cpu -= before
    times, errors, own = found
    turns = sum(map(len, times.values()))
    return dict(visitors=visitors, turns=len(times["simulate"]), asks=len(times["classify"]), errors=errors[:5],
                failed=len(errors), server_cpu_s=round(cpu, 1), own_cpu_s=round(own, 1), memory_mb=round(memory),
                cpu_each_s=round(cpu / max(turns, 1), 3),
                **{f"{page}_{name}_s": round(float(np.percentile(values, share)), 2) if values else None
                   for page, values in times.items() for name, share in (("p50", 50), ("p95", 95))})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=60, help="how long they turn and ask, after all have come")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    found = measure(given.visitors, given.seconds)
    print(f"{found['visitors']} visitors; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"turns of a lens: {found['turns']}, p50 {found['simulate_p50_s']} s, p95 {found['simulate_p95_s']} s (goal "
          f"{GOALS['p95_s']}); questions to a network: {found['asks']}, p50 {found['classify_p50_s']} s, p95 "
          f"{found['classify_p95_s']} s")
    print(f"server: {found['server_cpu_s']} s of processor, first pages included, {found['cpu_each_s']} s for each "
          f"turn or question (goal {GOALS['cpu_s']}); {found['memory_mb']} MB of memory. Visitors: "
          f"{found['own_cpu_s']} s")
    for error in found["errors"]:
        print(f"went wrong: {error}")
    if given.json:
        print(json.dumps(found))
    return 1 if found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
