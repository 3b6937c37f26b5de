"""One command from what was typed to its exit code.

What a person can mend is one plain sentence on stderr and exit code 2.
"""

import argparse
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from senet_viz import cli
from senet_viz.cli import common
from senet_viz.errors import SenetVizError
from senet_viz.models import weight_files


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb and its options."""
    top = argparse.ArgumentParser("python -m senet_viz", description="Look into channel attention without a browser.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in cli.VERBS:
        importlib.import_module(f"{cli.__name__}.{name}").add(commands)
    return top


def _creatable(path: Path, folder: bool) -> None:
    """Raise the system's own error where no such file or folder can be made: before the work, not after it.

    Raises:
        OSError: it exists and is of the other kind, or what it should lie in is no folder or cannot be written to.
    """

    def refuse(code: int, where: Path) -> OSError:
        return OSError(code, os.strerror(code), str(where))

    if path.is_dir() and not folder:
        raise refuse(errno.EISDIR, path)
    if path.exists() and not path.is_dir() and not path.is_file():  # it would be replaced: /dev/null, a pipe
        raise OSError(errno.EINVAL, "Not an ordinary file", str(path))
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir() and (folder or there != path):
        raise refuse(errno.ENOTDIR, there)
    if not os.access(there, os.W_OK):
        raise refuse(errno.EACCES, there)


def _run(arguments: Sequence[str] | None) -> int:
    """Run one command. An error that has a name becomes one sentence on stderr and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if empty := next((word for word in given if word.startswith("--") and word.endswith("=--")), None):
            parser().error(f"argument {empty[:-3]}: expected one argument")  # Python 3.11 would take an empty list
        args = parser().parse_args(given)
    except SystemExit:  # help, or an argument that is refused
        _flush()
        raise
    try:
        if (fault := weight_files.missing_folder()) is not None:
            print(f"{fault}: weights are looked for elsewhere.", file=sys.stderr)
        if getattr(args, "out", None) is not None:
            _creatable(args.out, folder=getattr(args, "out_folder", False) or getattr(args, "all", False))
        if getattr(args, "figure", None) is not None:
            _creatable(args.figure, folder=False)
        args.run(args)
        _flush()
    except SenetVizError as error:
        print(common.sentence(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def _flush() -> None:
    """Write what was printed, so that a pipe that is closed or a disk that is full is noticed in here."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard(*streams: TextIO | None) -> None:
    """Send what these streams still hold nowhere: at the end Python writes it once more, and would complain."""
    with Path(os.devnull).open("w") as nowhere:
        for stream in streams:
            if stream is not None:
                os.dup2(nowhere.fileno(), stream.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 where a person has to mend something, 130 when interrupted, 141 when nobody reads on.

    130 and 141 are what a shell reports of a command that SIGINT or SIGPIPE ended.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that this terminal cannot show is shown by its number
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    except BrokenPipeError:  # as in `| head`
        _discard(sys.stdout, sys.stderr)
        return 141
    except OSError as error:  # a file that cannot be written, a full disk: what the system says is the sentence
        if error.errno is None:
            raise
        where = error.filename2 or error.filename
        if where is None:
            _discard(sys.stdout)
        print(f"{where or 'The output'} cannot be used: {error.strerror}.", file=sys.stderr)
        return 2
