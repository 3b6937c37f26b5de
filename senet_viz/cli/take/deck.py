"""``deck``: one block on one photo, or a whole lesson, as a presentation whose charts can be edited."""

import argparse
from pathlib import Path

from senet_viz import i18n, lessons
from senet_viz.cli import common, options
from senet_viz.errors import DeckRefused


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``deck``."""
    verb = parsers.add_parser(
        "deck", help="one block on one photo, or a lesson, as slides (.pptx)", parents=[options.photo("?")]
    )
    verb.add_argument("--block", help="dotted name, as in layer3.0.se; without it, one that tells much")
    verb.add_argument("--channel", type=options.within(0), help="the channel that is followed")
    verb.add_argument(
        "--lesson", metavar="NAME", help="a lesson instead, one slide a step: a name that `lessons` prints"
    )
    verb.add_argument("--photo", dest="own", metavar="FILE", help="with --lesson: your own photo in every step")
    verb.add_argument("--dark", action="store_true", help="light on dark")
    verb.add_argument("--out", type=Path, required=True, help="the .pptx to write")
    options.shared(verb, "--lang")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the presentation.

    Raises:
        DeckRefused: neither a photo nor a lesson is named, or both are.
    """
    from senet_viz.drawing.renderers import deck
    from senet_viz.ui.teaching import talk

    if args.out.suffix.lower() != ".pptx":
        raise DeckRefused(f"{args.out.name} must end in .pptx.")
    if args.lesson is not None:
        if args.photo is not None:
            raise DeckRefused("A lesson has photos of its own: name yours with --photo.")
        taught = lessons.lesson(args.lesson, args.lang)
        pages = list(talk.lesson(taught, None if args.own is None else common.photo(args.own)))
    elif args.photo is None:
        raise DeckRefused("Name a photo, or a lesson with --lesson.")
    else:
        look = common.look(args)
        common.gated(args.model)
        names = [block.name for block in look.trace().blocks]
        query = {"model": args.model, "weights": "pretrained" if look.trained else "random", "lang": args.lang}
        if args.block is not None:
            query["block"] = common.block(args.block, names, look.spec)
        if args.channel is not None:
            query["channel"] = str(args.channel)
        own = common.photo(args.photo) if Path(args.photo).exists() else None
        pages = list(talk.walk(query if own else {"photo": args.photo, **query}, own, i18n.texts(args.lang)))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(deck.render(pages, args.lang, args.dark))
    print(args.out)
