"""The widgets on a page as a browser keeps them: what each can say, and what it says."""

from dataclasses import dataclass
from typing import Any

from streamlit.proto.Element_pb2 import Element
from streamlit.proto.NumberInput_pb2 import NumberInput
from streamlit.proto.WidgetStates_pb2 import WidgetState

KEY_AT = len("$$ID--") + 32  # where a widget's own key begins in Streamlit's name for it
BUTTONS = ("button", "download_button")


@dataclass
class Widget:
    """One widget on the page, and what it says."""

    key: str
    kind: str
    fragment: str  # that is run alone when it is clicked; "" for the whole script
    main: bool  # on the page, not in the sidebar
    options: tuple[str, ...]  # their labels
    top: int  # the largest number
    says: WidgetState


def held(element: Element) -> Any:
    """What an element holds; None where it holds nothing."""
    return getattr(element, str(element.WhichOneof("type")), None)


def made(element: Element, fragment: str, main: bool) -> Widget | None:
    """What a browser makes of an element: a widget that says what the server has put into it, or None."""
    kind, inner = str(element.WhichOneof("type")), held(element)
    says = WidgetState(id=getattr(inner, "id", ""))
    options: list[str] = []
    if not says.id:
        return None
    put = getattr(inner, "set_value", False)
    if kind == "button_group":
        options = [f"{each.content_icon} {each.content}".strip() for each in inner.options]
        says.string_array_value.data[:] = inner.raw_values if put else [options[at] for at in inner.default]
    elif kind == "multiselect":
        options = list(inner.options)
        says.string_array_value.data[:] = inner.raw_values if put else [options[at] for at in inner.default]
    elif kind == "selectbox":
        options = list(inner.options)
        says.string_value = inner.raw_value if put else options[inner.default]
    elif kind == "number_input":
        whole, number = inner.data_type == NumberInput.INT, inner.value if put else inner.default
        setattr(says, "int_value" if whole else "double_value", int(number) if whole else number)
    elif kind == "checkbox":
        says.bool_value = inner.value if put else inner.default
    elif kind == "slider":
        says.double_array_value.data[:] = inner.value if put else inner.default
    elif kind == "file_uploader":
        says.file_uploader_state_value.SetInParent()
    elif kind not in BUTTONS:  # an element of our own says nothing before it is touched
        return None
    top = int(inner.max) if kind == "number_input" else 0
    return Widget(says.id[KEY_AT:], kind, fragment, main, tuple(options), top, says)


def say(widget: Widget, value: str | int) -> None:
    """Let a widget say another value."""
    name = widget.says.WhichOneof("value") or "trigger_value"
    if name == "string_array_value":
        widget.says.string_array_value.data[:] = [str(value)] if value else []
    else:
        setattr(widget.says, name, value)
