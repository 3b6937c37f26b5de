"""Long work on a page: a bar that says how far it is, a button that stops it, and what is there by then.

The bar is what work is told with (``jobs.Progress``): whatever takes one can be shown, stopped and gone on with.
"""

from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any

import streamlit as st

PATIENCE_S = 0.4  # what takes no longer shows no progress


def run(name: str, on: bool, about: object = None) -> None:
    """Say whether the work of that name goes on by itself."""
    st.session_state[f"_{name}_runs"] = about, on


class Bar:
    """How far one piece of work is, from ``with`` to its end; the last call's answer says whether it may go on.

    Any click interrupts the work at its next word to the browser; whoever keeps what is done goes on with it in the
    next rerun. Where the work has a ``name``, a click on "stop" makes it stay as it is.

    Args:
        words: what is written on it, of how much of how much is done.
        patience: seconds before anything is shown.
        name: of the work in the session, where it can be stopped.
        about: what it is about: of something else, nobody has begun or stopped it yet.
        runs: whether it begins by itself.
        stop: what the button says that stops it.
        place: where it stands.
    """

    def __init__(
        self,
        words: Callable[[Any, Any], str],
        patience: float = 0.0,
        name: str = "",
        about: object = None,
        runs: bool = True,
        stop: str = "",
        place: Any = st,
    ) -> None:
        self.words, self.patience, self.name, self.about, self.stop = words, patience, name, about, stop
        said = st.session_state.get(f"_{name}_runs", (about, runs)) if name else (about, runs)
        self.runs = bool(said[1]) if said[0] == about else runs
        self.slot, self._began = place.empty(), monotonic()
        self._bar: Any = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self.slot.empty()

    def __call__(self, done: float, total: float) -> bool:
        """Show that so much of so much is done; return whether the work may go on."""
        if self.runs and monotonic() - self._began >= self.patience:
            if self._bar is None:
                with self.slot.container():
                    if self.stop:
                        key, click = f"{self.name}-stop", (self.name, False, self.about)
                        st.button(self.stop, icon=":material/stop:", key=key, on_click=run, args=click)
                    self._bar = st.progress(0.0)
            self._bar.progress(min(1.0, done / (total or 1)), self.words(done, total))
        return self.runs

    def end(self) -> None:
        """Note that the work has ended for now: it goes on when somebody says so."""
        run(self.name, False, self.about)

    def go_on(self, label: str, icon: str | None = ":material/play_arrow:") -> None:
        """Write a button that begins the work, or goes on with it."""
        click = (self.name, True, self.about)
        st.button(label, icon=icon, key=f"{self.name}-go_on", on_click=run, args=click)
