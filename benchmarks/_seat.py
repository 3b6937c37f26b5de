"""A seat in front of a server: the browser's half of Streamlit's protocol without a browser.

A seat sends what a browser sends (what all its widgets say, the fragment of the one that was clicked, the URL, which
messages it still has) and waits for the end of the run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLsRequest, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks._server import Server
from benchmarks._visit import PROCESS, XSRF, Visit
from benchmarks._widgets import BUTTONS, Widget, held, made, say

SMALL = 500  # bytes; the message that ends a run is smaller
STAYS = 2  # runs that a message is kept for after the last that showed it
PATIENCE_S = 120.0


@dataclass
class Kept:
    """A message that the server need not send again."""

    message: ForwardMsg
    run: int  # the last that showed it


@dataclass
class Seat:
    """One session."""

    socket: ClientConnection
    query: str
    visit: Visit
    page: str = ""
    widgets: dict[str, Widget] = field(default_factory=dict)  # by Streamlit's name for them
    components: dict[str, str] = field(default_factory=dict)  # those on the page: Streamlit's name for each
    frames: list[bytes] = field(default_factory=list)  # of the last run
    kept: dict[str, Kept] = field(default_factory=dict)
    run: int = 0
    name: str = ""  # Streamlit's for the session

    @classmethod
    async def take(cls, app: Server, page: str = "", /, **url: object) -> Seat:
        """Open a page and wait until it stands there."""
        visit = Visit(app.address)
        await asyncio.to_thread(visit.open, f"/{page}?{urlencode(url)}")
        said, headers = ["streamlit", visit.cookies[XSRF]], visit.headers
        wire = await connect(
            f"ws://{app.address}/_stcore/stream",
            subprotocols=said,
            max_size=None,
            additional_headers=headers,  # type: ignore[arg-type]
        )
        visit.note(wire.response.headers.get(PROCESS) if wire.response else None)
        seat = cls(wire, urlencode(url), visit)
        await seat.rerun(page)
        return seat

    def widget(self, key: str) -> Widget:
        """The widget of that key."""
        return next(widget for widget in self.widgets.values() if widget.key == key)

    async def rerun(self, page: str | None = None, /, **chosen: str | int) -> float:
        """``click``, and take in what came."""
        seconds = await self.click(page, **chosen)
        self.take_in()
        return seconds

    async def click(self, page: str | None = None, /, **chosen: str | int) -> float:
        """Choose something (or nothing, or another page); seconds until the last message of the run is here.

        Args:
            chosen: of every widget what it says then, a choice by its label.
        """
        return await self._sent(self._asked(page, **chosen), f"{self.visit.page} {chosen}")

    async def fire(self, component: str, event: str, value: object) -> float:
        """Let an element of ours in the frame of the page fire a trigger; seconds until the last message is here."""
        ask = self._asked(None)
        name = f"$$STREAMLIT_INTERNAL_KEY_{self.components[component]}__events"
        said = json.dumps([{"event": event, "value": value}])
        ask.rerun_script.widget_states.widgets.append(WidgetState(id=name, json_trigger_value=said))
        return await self._sent(ask, f"{self.visit.page} {said}")

    async def upload(self, key: str, name: str, data: bytes) -> None:
        """Give a file to an uploader, and take in what the app makes of it."""
        ask = BackMsg()
        ask.file_urls_request.MergeFrom(FileURLsRequest(request_id="1", file_names=[name], session_id=self.name))
        await self.socket.send(ask.SerializeToString())
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.socket.recv()
                assert isinstance(frame, bytes)
                if (message := ForwardMsg.FromString(frame)).HasField("file_urls_response"):
                    break
        (urls,) = message.file_urls_response.file_urls
        status = await asyncio.to_thread(self.visit.upload, urls.upload_url, name, data)
        if status != 204:
            raise SystemExit(f"an upload: {status}")
        given = UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls)
        self.widget(key).says.file_uploader_state_value.uploaded_file_info.append(given)
        await self.rerun()

    def _asked(self, page: str | None, /, **chosen: str | int) -> BackMsg:
        """What a browser asks for: see ``click``."""
        ask = BackMsg()
        state = ask.rerun_script
        state.query_string = self.query
        state.cached_message_hashes.extend(self.kept)
        context = {
            "timezone": "UTC",
            "locale": "en-US",
            "url": self.visit.page.partition("?")[0],
            "color_scheme": "light",
        }
        for name, value in context.items():
            setattr(state.context_info, name, value)
        if page is not None:
            state.page_name = page
        else:
            state.page_script_hash = self.page
        clicked = {self.widget(key).says.id: value for key, value in chosen.items()}
        for name, widget in self.widgets.items():
            if name in clicked:
                say(widget, clicked[name])
                state.fragment_id = widget.fragment
            if widget.says.WhichOneof("value"):
                state.widget_states.widgets.append(widget.says)
            if widget.kind in BUTTONS:
                widget.says.ClearField("trigger_value")
        return ask

    async def _sent(self, ask: BackMsg, what: str) -> float:
        """Send it; seconds until the last message of the run is here."""
        start = perf_counter()
        await self.socket.send(ask.SerializeToString())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._until_the_end()
        except TimeoutError:
            raise SystemExit(f"no answer: {what}") from None
        return perf_counter() - start

    async def _until_the_end(self) -> None:
        self.frames = []
        while True:
            frame = await self.socket.recv()
            assert isinstance(frame, bytes)
            self.frames.append(frame)
            if len(frame) < SMALL:
                end = ForwardMsg.FromString(frame)
                if end.HasField("script_finished") and end.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return

    def take_in(self) -> None:
        """Look at what the last run sent, as a browser does while it draws; apart, for it is not the server's time."""
        seen: dict[str, Widget] = {}
        fragments: set[str] = set()
        components: dict[str, str] = {}
        closed = set()
        for message, where in self._messages():
            kind = message.WhichOneof("type")
            fragments.update(message.metadata.run.fragment_ids)
            if kind == "new_session":
                self.name = message.new_session.initialize.session_id or self.name
            elif kind == "navigation":
                self.page = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif message.delta.add_block.HasField("popover"):
                closed.add(where)
            elif kind == "delta" and not any(where[: len(path)] == path for path in closed):
                element = message.delta.new_element
                if element.WhichOneof("type") == "bidi_component":
                    components[element.bidi_component.component_name] = element.bidi_component.id
                if widget := made(element, message.delta.fragment_id, where[0] == 0):
                    before = self.widgets.get(widget.says.id)
                    if before and not getattr(held(element), "set_value", widget.kind != "file_uploader"):
                        widget.says = before.says
                    seen[widget.says.id] = widget
        stay = {id_: each for id_, each in self.widgets.items() if fragments and each.fragment not in fragments}
        self.widgets = stay | seen
        self.components = components | (self.components if fragments else {})
        self.run += 1
        for hash_, kept in list(self.kept.items()):
            aged = not fragments or kept.message.delta.fragment_id in fragments
            if aged and self.run - kept.run > STAYS:
                del self.kept[hash_]

    def _messages(self) -> Iterator[tuple[ForwardMsg, tuple[int, ...]]]:
        """Every message of the last run, and its place on the page."""
        for message in map(ForwardMsg.FromString, self.frames):
            hash_ = message.ref_hash or message.hash
            if message.ref_hash or message.metadata.cacheable:
                whole = self.kept[hash_].message if message.ref_hash else message
                self.kept[hash_] = Kept(whole, self.run)
            yield self.kept[hash_].message if message.ref_hash else message, tuple(message.metadata.delta_path)

    async def leave(self) -> None:
        """Close the browser's tab."""
        await self.socket.close()
