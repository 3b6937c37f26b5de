"""The class over a WebSocket at ``/class``, beside Streamlit's own: ``service/rooms.py`` tells what is said there."""

import asyncio
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from senet_viz.service.rooms import Room
from senet_viz.service.wires import FORM, Refused, Wire
from senet_viz.ui import state
from senet_viz.ui.pages.walk.answers import ours

HELLO_S = 10.0  # until the first message
BEAT_S = 15.0  # a browser that hears nothing for longer than two of these connects again: ``room.js``


async def _serve(socket: WebSocket) -> None:
    """Serve one browser until it goes, says what has no form, or its room is over."""
    if not ours(socket):
        await socket.close(FORM)  # before it is accepted: the answer is 403
        return
    await socket.accept()
    try:
        async with asyncio.timeout(HELLO_S):
            room, wire = state.rooms().enter((await socket.receive()).get("text"))
    except (Refused, TimeoutError) as error:
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(error.code if isinstance(error, Refused) else FORM)
        return
    sending = asyncio.create_task(_send(socket, wire))
    try:
        await _hear(socket, room, wire)
    except Refused as refused:
        wire.end(refused.code)
        await asyncio.wait([sending], timeout=HELLO_S)
    finally:
        room.leave(wire)
        sending.cancel()


async def _hear(socket: WebSocket, room: Room, wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    while (message := await socket.receive())["type"] == "websocket.receive":
        room.hear(wire, message.get("text"), loop.time())


async def _send(socket: WebSocket, wire: Wire) -> None:
    """Send what waits on a wire; where nothing does, a sign of life."""
    with suppress(WebSocketDisconnect, RuntimeError):  # it has gone
        while True:
            try:
                text = await asyncio.wait_for(wire.queue.get(), BEAT_S)
            except TimeoutError:
                text = "{}"
            if text is None:
                await socket.close(wire.code)
                return
            await socket.send_text(text)


route = WebSocketRoute("/class", _serve)
