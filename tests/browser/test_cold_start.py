"""A class opens a server that has just started: nobody is shown an error."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from lenslab.ui import frame

SESSIONS, WITHIN = 16, 5.0  # s
PAGES = ("", *(name.removesuffix(".py") for name in list(frame.PAGES)[1:]))   # the first is home
PATIENCE = 240.0            # s: on a machine with more to do


async def visit(address: str, page: str) -> list[str]:
    """Open a page as a browser does, by Streamlit's own messages, to the end of its first run; the errors it shows."""
    request = HTTPRequest(address.replace("http", "ws") + "/_stcore/stream",
                          headers={"Sec-WebSocket-Protocol": "streamlit", "Origin": address})
    socket = await websocket_connect(request, max_message_size=2**28)
    ask = BackMsg()
    ask.rerun_script.page_name = page
    await socket.write_message(ask.SerializeToString(), binary=True)
    errors, drawn = [], 0
    while (data := await socket.read_message()) is not None:
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "delta":
            element = message.delta.new_element
            drawn += 1
            if element.WhichOneof("type") == "exception":
                errors.append(f"{page or 'home'}: {element.exception.type}: {element.exception.message}")
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            socket.close()
            return errors if drawn else [f"{page} drew nothing"]
    return [f"{page} was cut off"]


async def visit_all(address: str) -> list[str]:
    async def one(number: int) -> list[str]:
        await asyncio.sleep(number * WITHIN / SESSIONS)
        return await asyncio.wait_for(visit(address, PAGES[number % len(PAGES)]), PATIENCE)

    return sum(await asyncio.gather(*map(one, range(SESSIONS))), [])


def test_sixteen_open_a_server_that_has_just_started(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_DEVICE", "cpu")
    monkeypatch.setenv("LENSLAB_RUNS", str(tmp_path / "runs"))
    # A thread of its own: playwright's loop runs in this one where other tests came before.
    with serve(tmp_path / "log.txt") as address, ThreadPoolExecutor(1) as own:
        errors = own.submit(asyncio.run, visit_all(address)).result()
    assert not errors, (tmp_path / "log.txt").read_text()
    assert "Traceback" not in (tmp_path / "log.txt").read_text()
