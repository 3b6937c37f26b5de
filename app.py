"""The frame: page settings, the sidebar that all pages share, and the pages themselves."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from senet_viz import i18n, ui

st.set_page_config("senet-viz", page_icon=str(Path(__file__).parent / "assets" / "icon.svg"), layout="wide")

WALK = (("squeeze", ":material/compress:"), ("excitation", ":material/tune:"), ("rescale", ":material/equalizer:"))

lang = st.session_state.get("lang") or st.query_params.get("lang") or i18n.preferred(st.context.locale)
t = i18n.texts(lang if lang in i18n.LANGUAGES else i18n.DEFAULT)
pages = {
    t("walk.section"): [
        st.Page(f"pages/walk/{key}.py", title=t(f"walk.{key}.nav"), icon=icon, url_path=key, default=not index)
        for index, (key, icon) in enumerate(WALK)
    ]
}
page = st.navigation(pages)
if ui.sidebar():
    with ui.guard():
        page.run()
