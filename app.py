"""The frame: page settings, the sidebar that all pages share, and the pages themselves.

``streamlit run app.py`` imports this file to find ``app``, then runs it once for every click.
"""

import streamlit as st
from starlette.responses import RedirectResponse
from starlette.routing import Route, WebSocketRoute

from senet_viz import assets, i18n, ui

SECTIONS = {
    "walk": (
        ("block", ":material/theaters:"),
        ("squeeze", ":material/compress:"),
        ("excitation", ":material/tune:"),
        ("rescale", ":material/equalizer:"),
    ),
    "scale": (
        ("channel_weights", ":material/stacked_line_chart:"),
        ("kernel_selection", ":material/alt_route:"),
        ("sk_anatomy", ":material/account_tree:"),
    ),
    "networks": (
        ("where_it_sits", ":material/schema:"),
        ("what_it_costs", ":material/payments:"),
        ("compare", ":material/compare:"),
    ),
    "lab": (
        ("what_if", ":material/science:"),
        ("attribution", ":material/my_location:"),
        ("class_profiles", ":material/groups:"),
        ("learning", ":material/model_training:"),
    ),
    "teach": (("lessons", ":material/school:"),),
}
CLASS = ("classroom", ":material/cast_for_education:")  # last, where this server has a class
FIRST = SECTIONS["walk"][0][0]


def navigation(lang: str) -> tuple[st.Page, list[st.Page]]:
    """Draw the menu in the reader's language; returns the page that was asked for, and all in their order.

    It lies on top: beside the page there is room for photo, model, block and channel at one glance.
    """
    t, teach = i18n.texts(lang), SECTIONS.get("teach", ())
    sections = SECTIONS | ({"teach": (*teach, CLASS)} if ui.has_class() else {})
    menu = {
        t(f"{section}.section"): [
            st.Page(
                assets.PAGES / section / f"{key}.py",
                title=t(f"{section}.{key}.nav"),
                icon=icon,
                url_path=key,
                default=key == FIRST,
            )
            for key, icon in pages
        ]
        for section, pages in sections.items()
    }
    return st.navigation(menu, position="top"), [page for pages in menu.values() for page in pages]


def frame() -> None:
    """Draw the page that was asked for: one rerun."""
    st.set_page_config("senet-viz", page_icon=str(assets.ICON), layout="wide")
    page, pages = navigation(ui.language())
    ui.arrive(page, pages)
    ui.begin()
    ui.joined()
    ui.follow()
    ready, first = ui.settle(), page.url_path == ""
    ui.window()
    if not ready or not first:
        ui.sidebar(ready)
    if ready:
        page.run()
        ui.neighbours(page, pages)
    if ready and first:  # the first picture waits for nothing
        ui.sidebar()
    if ready:
        ui.guide()


if __name__ == "__main__":
    frame()
else:
    # The first page lives at the root, and is found under its own name too. The way there names no host and no scheme:
    # a server behind a proxy knows neither.
    named = Route(f"/{FIRST}", lambda request: RedirectResponse(f"./?{request.url.query}"))
    base = st.get_option("server.baseUrlPath").strip("/")
    routes: list[Route | WebSocketRoute] = [
        named,
        ui.answers,
        ui.take,
        ui.metrics,
        *ui.stage_routes,
        *([ui.classes] if ui.has_class() else []),
    ]
    if base:  # Streamlit puts its own there, and leaves ours where they are
        routes = [type(route)(f"/{base}{route.path}", route.endpoint) for route in routes]
    warm = ui.warm(lambda: navigation(i18n.DEFAULT), ui.default_picture)
    app = st.App(__file__, lifespan=warm, routes=routes)
