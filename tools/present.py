"""Open a lesson for a projector once the app answers: ``present.py PORT [LESSON]``; or print this machine's address:
``--address``.
"""

import socket
import sys
import time
import webbrowser
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

PATIENCE_S = 120.0


def address() -> str:
    """This machine's address in its network. The datagram socket is only asked for its own end: nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address set apart for documentation (RFC 5737)
            return str(probe.getsockname()[0])
        except OSError:  # no network at all
            return socket.gethostname()


def open_when_ready(port: str, lesson: str = "") -> None:
    """Wait for the server's health, then show the lesson in the browser, or the first page without one."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            with build_opener(ProxyHandler({})).open(f"http://localhost:{port}/_stcore/health", timeout=2):
                break
        except (URLError, OSError):
            time.sleep(0.2)
    else:
        sys.exit(f"nothing answers on port {port}")
    url = f"http://localhost:{port}/?embed=true" + (f"&present=1&lesson={lesson}" if lesson else "")
    print(f"On the projector: {url}", flush=True)
    print("F11 fills the screen, Ctrl and + enlarge it, Space and PageDown go on, N opens your notes.", flush=True)
    webbrowser.open(url)


def main(arguments: list[str]) -> None:
    """See the module."""
    if arguments[:1] == ["--address"]:
        print(address())
    else:
        open_when_ready(*arguments[:2])


if __name__ == "__main__":
    main(sys.argv[1:])
