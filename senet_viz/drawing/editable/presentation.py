"""An empty presentation of 16:9 in our fonts and colours, and how words get onto its slides.

python-pptx sets the Latin face alone: Chinese would then be drawn in whatever the program takes. Here every text names
an East Asian face as well, and so does the theme, for what is written later. Lengths are points.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from senet_viz.drawing import palette
from senet_viz.drawing.placed import Rect
from senet_viz.drawing.renderers.paper import EDGE, POINTS, TITLE

if TYPE_CHECKING:
    from pptx.presentation import Presentation
    from pptx.slide import Slide

LATIN, EAST = "Arial", "Microsoft YaHei"  # which every program has, or has another for
TONGUES = {"zh": "zh-CN", "en": "en-US"}
ACCENTS = ("u", "gate", "z", "logit", "hidden", "pinned")
_TYPEFACES = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def emu(points: float) -> Any:
    """Return a length in the file's unit."""
    from pptx.util import Pt

    return Pt(points)


def rgb(role: str, dark: bool) -> Any:
    """Return the colour of a role."""
    return hexed(palette.role(role, dark))


def hexed(colour: str) -> Any:
    """Return ``#rrggbb`` as the library's colour."""
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(colour[1:].upper())


def empty(dark: bool) -> "Presentation":
    """Return a presentation without slides: 16:9, its theme in our colours and fonts."""
    from pptx import Presentation
    from pptx.opc.constants import RELATIONSHIP_TYPE
    from pptx.opc.package import XmlPart
    from pptx.oxml import parse_xml

    made = Presentation()
    wider = emu(POINTS[0]) / made.slide_width
    made.slide_width, made.slide_height = emu(POINTS[0]), emu(POINTS[1])
    master = made.slide_master
    for shape in (*master.placeholders, *(s for layout in master.slide_layouts for s in layout.placeholders)):
        shape.left, shape.width = round(shape.left * wider), round(shape.width * wider)  # the template is 4:3
    for owner in (master.part, made.notes_master.part):
        theme = owner.part_related_by(RELATIONSHIP_TYPE.THEME)
        themed = _themed(theme.blob, dark)
        if isinstance(theme, XmlPart):  # the one of the notes, made just now
            theme._element = parse_xml(themed)
        else:
            theme._blob = themed
    if dark:  # what is written later is light on dark too
        for scheme in master._element.iter("{*}clrMap"):
            for name in ("bg", "tx"):
                scheme.set(f"{name}1", "dk1" if name == "bg" else "lt1")
                scheme.set(f"{name}2", "dk2" if name == "bg" else "lt2")
    return made


def _themed(theme: bytes, dark: bool) -> bytes:
    """Return the theme's XML with our colours and fonts."""
    ink, paper = palette.role("ink", dark), palette.background(dark)
    low, high = (paper, ink) if dark else (ink, paper)
    colours = {"dk1": low, "lt1": high, "dk2": low, "lt2": high, "hlink": palette.role("u", dark)}
    colours |= {f"accent{i}": palette.role(role, dark) for i, role in enumerate(ACCENTS, start=1)}
    text = theme.decode()
    for name, colour in colours.items():
        text = re.sub(rf"(<a:{name}>).*?(</a:{name}>)", rf'\1<a:srgbClr val="{colour[1:]}"/>\2', text, flags=re.DOTALL)
    text = re.sub(r'(<a:m\w+Font>\s*<a:latin typeface=)"[^"]*"', rf'\1"{LATIN}"', text)
    text = re.sub(r'(<a:latin typeface="Arial"[^>]*/>\s*<a:ea typeface=)"[^"]*"', rf'\1"{EAST}"', text)
    return re.sub(r'(<a:font script="Hans" typeface=)"[^"]*"', rf'\1"{EAST}"', text).encode()


def clean(text: str) -> str:
    """Return text without what a file of this kind cannot hold: the name of a class may be anything."""
    return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)


class Run(NamedTuple):
    """A run is text of one colour; ``url``: a click on it opens that."""

    text: str
    colour: Any
    url: str = ""


def named(properties: Any, lang: str = "") -> None:
    """Give properties of text (``a:rPr``, ``a:defRPr``, ``a:endParaRPr``) both faces, and the language they are in."""
    from pptx.oxml.xmlchemy import OxmlElement

    for tag, face in (("latin", LATIN), ("ea", EAST)):
        for old in properties.findall(f"{_TYPEFACES}{tag}"):
            properties.remove(old)
        element = OxmlElement(f"a:{tag}")
        element.set("typeface", face)
        after = ("a:ea",) if tag == "latin" else ()
        properties.insert_element_before(element, *after, "a:cs", "a:sym", "a:hlinkClick", "a:extLst")
    if lang:
        properties.set("lang", TONGUES.get(lang, lang))


def fill(
    frame: Any,
    lines: Sequence[Sequence[Run]],
    size: float,
    lang: str,
    bold: bool = False,
    align: str = "left",
) -> None:
    """Write lines, each of some runs, into a text frame; what it held goes."""
    from pptx.enum.text import PP_ALIGN

    for i, runs in enumerate(lines or [[]]):
        paragraph = frame.paragraphs[0] if i == 0 else frame.add_paragraph()
        paragraph.alignment = {"left": PP_ALIGN.LEFT, "center": PP_ALIGN.CENTER, "right": PP_ALIGN.RIGHT}[align]
        for text, colour, url in runs:
            run = paragraph.add_run()
            run.text, run.font.size, run.font.bold = clean(text), emu(size), bold
            run.font.color.rgb = colour
            if url:
                run.hyperlink.address = url
            named(run._r.get_or_add_rPr(), lang)


def write(
    slide: "Slide",
    rect: Rect,
    lines: Sequence[Sequence[Run]],
    size: float,
    lang: str,
    anchor: str = "top",
    turn: float = 0,
    **look: Any,
) -> Any:
    """Put words into a rectangle of a slide; ``anchor`` says at which of its edges they stand. Returns the shape."""
    from pptx.enum.text import MSO_ANCHOR

    box = slide.shapes.add_textbox(*map(emu, rect))
    frame = box.text_frame
    bare(frame)
    frame.vertical_anchor = {"top": MSO_ANCHOR.TOP, "middle": MSO_ANCHOR.MIDDLE, "bottom": MSO_ANCHOR.BOTTOM}[anchor]
    box.rotation = turn
    fill(frame, lines, size, lang, **look)
    return box


def bare(frame: Any) -> None:
    """Take the margins from a text frame."""
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.word_wrap = True  # without, programs put words where they like


def titled(made: "Presentation", text: str, rows: int, size: float, dark: bool, lang: str) -> "Slide":
    """Add a slide with this title in so many rows, which outlines and screen readers find."""
    from pptx.enum.text import MSO_ANCHOR

    slide = made.slides.add_slide(made.slide_layouts[5])
    title = slide.shapes.title
    title.left, title.width = emu(EDGE), emu(POINTS[0] - 2 * EDGE)
    title.top = emu(EDGE * 0.8 * size / TITLE)
    title.height = emu(size * 1.25 * max(1, rows))
    frame = title.text_frame
    bare(frame)
    frame.vertical_anchor = MSO_ANCHOR.TOP
    fill(frame, [[Run(text, rgb("ink", dark))]], size, lang, bold=True)
    return slide


def note(slide: "Slide", text: str, lang: str) -> None:
    """Write what the speaker reads below the slide."""
    frame = slide.notes_slide.notes_text_frame
    assert frame is not None  # the template has one
    frame.text = clean(text)
    for paragraph in frame.paragraphs:
        for run in paragraph.runs:
            named(run._r.get_or_add_rPr(), lang)


def described(shape: Any, text: str) -> None:
    """Give a shape the text that is read to who cannot see it."""
    properties = next(shape._element.iter("{*}cNvPr"))
    properties.set("descr", clean(text))


def flat(shape: Any) -> None:
    """Take the shadow from a shape, which the theme gives it."""
    for effect in shape._element.iter("{*}effectRef"):
        effect.set("idx", "0")
