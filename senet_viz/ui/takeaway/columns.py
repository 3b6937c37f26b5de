"""What the columns of every table mean, and their units."""

import re
from collections.abc import Sequence

from senet_viz.i18n import Texts

# Of every column its name, as a pattern, and which text ``column.<key>`` says what it holds; the first that fits.
_COLUMNS = (
    ("channel", "channel"),
    ("unit|index", "unit"),
    ("row|column", "place"),
    ("branch", "branch"),
    ("block|line|stage|part|place|vector|pool|quantity|condition|source|kind|option|chosen|where", "named"),
    ("verdict|reason|lesson|title|page|corrects|link", "named"),
    ("say|usual|aims", "words"),
    ("minute|minute of the end", "minute"),
    ("rises|photos", "photos"),
    ("network|other", "network"),
    ("class|nearest class", "class"),
    ("input", "input"),
    ("scale", "scale"),
    ("epoch", "epoch"),
    ("kernel", "kernel"),
    ("z", "z"),
    ("h|hidden", "hidden"),
    (r"w1|w2|[A-Z]_\d+|weight", "weight"),
    (r"w2\*hidden|[A-Z]_\d+\*h", "vote"),
    (r"logit( \d+)?", "logit"),
    (
        r"gate|a\d+|gate at .*|sigmoid|h-sigmoid|softmax|(branches|channels) a\d+|gate \d+|photo|all classes|mean",
        "gate",
    ),
    (r"[uU]_?\d*", "activation"),
    ("value", "value"),
    (r"V|V own|out|a\d+\*U\d+", "out"),
    ("before|after", "state"),
    ("difference.*|change.*|mean change|largest change", "change"),
    ("std|between|within", "std"),
    ("rho|correlation", "rho"),
    ("eta2", "eta2"),
    ("shown", "shown"),
    ("share|share [<>] .*|share of the gates|same class", "share"),
    ("rank of .*", "rank"),
    ("attribution", "attribution"),
    ("most open|matters most|edited", "marked"),
    (r"probability|accuracy|low|high|false alarms|told \d+", "probability"),
    ("accuracy, %", "percent"),
    (".*parameters.*|multiply-accumulates|weights.*|of the gates|without gates|gates add", "count"),
    ("values read and multiplied", "count"),
    ("r", "ratio"),
    ("printed, millions", "millions"),
    ("top-1 error", "error"),
    ("printed|ours", "paper"),
    (".*, ms", "ms"),
    ("round|order|seed|steps?|defined|run|modules|inputs|groups|G|C|k|dilation|receptive field", "number"),
    ("sharp|blurred .*", "moved"),
    ("untrained", "control"),
    ("log10 .*", "log"),
    ("gates|integration|start|convolution|shape|norm|activation", "named"),
)
OWN = "own"  # the key of a column that is called after what it holds: a class, a network


def key(name: str, header: Sequence[str] = ()) -> str:
    """Return which text describes a column of this name under this header."""
    if name == "row" and "column" not in header:  # of a table that somebody printed
        return "named"
    return next((key for pattern, key in _COLUMNS if re.fullmatch(pattern, name)), OWN)


def meanings(header: Sequence[str], t: Texts) -> dict[str, list[str]]:
    """Return what columns hold, and in which unit; each with the names of those that hold the same."""
    found: dict[str, list[str]] = {}
    for name in header:
        found.setdefault(t(f"column.{key(name, header)}"), []).append(name)
    return found
