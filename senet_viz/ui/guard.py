"""Errors as sentences in the reader's language: no traceback reaches a page."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from senet_viz import i18n
from senet_viz.errors import SenetVizError

STRANGERS = ("name", "text", "missing", "unknown", "shapes")  # details of errors that say what somebody typed
LONGEST = 120  # characters of it
_log = logging.getLogger("senet_viz")


def sentence(error: SenetVizError, lang: str) -> str:
    """Return what went wrong, in the reader's words."""
    key = f"error.{error.code}" if i18n.has(f"error.{error.code}", lang) else "error.unexpected"
    details = {name: literal(value) if name in STRANGERS else value for name, value in error.details.items()}
    return i18n.text(key, lang, **{"ref": "-", **details})


def literal(text: object) -> str:
    """Return Markdown that shows a name of a file or folder, or of what an address says, letter by letter, on a line.

    Where escapes would do for stars and brackets, addresses of web pages would still become links.
    """
    return f"`{' '.join(str(text).replace('`', '').split())[:LONGEST] or '-'}`"


@contextmanager
def guard() -> Iterator[None]:
    """Turn errors into one sentence in the reader's language; the unexpected is logged and shown with a reference."""
    lang = st.session_state.get("lang", i18n.DEFAULT)
    try:
        yield
    except SenetVizError as error:
        st.error(sentence(error, lang), icon=":material/error:")
    except Exception:
        reference = secrets.token_hex(4)
        _log.exception("unexpected, reference %s", reference)
        st.error(i18n.text("error.unexpected", lang, ref=reference), icon=":material/error:")
