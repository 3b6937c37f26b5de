"""Make classes for a server that is always there: ``classes.py SITE [HOW MANY]``.

It prints the line for the server's settings (deploy/settings), and of each class what its teacher is given. Nothing is
kept: who has lost a link makes a new class.
"""

import sys

from tools import serve


def main(site: str, count: str = "1") -> None:
    """Print them."""
    made = [serve.made() for _ in range(int(count))]
    print(f"{serve.ROOMS}={' '.join(map(':'.join, made))}")
    for code, token in made:
        print(serve.told(site.rstrip("/"), code, token))


if __name__ == "__main__":
    main(*sys.argv[1:])
