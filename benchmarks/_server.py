"""Start the app as ``streamlit run app.py`` does, with a stop-watch around every run of the script.

    python -m benchmarks._server LOG [--thaw] [streamlit's own options]

``LOG`` gets one line a run: seconds on the clock, seconds of a processor. ``--thaw`` takes ``gc.freeze`` away.
"""

import gc
import sys
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def stopwatch(log: Path) -> None:
    """Note how long every run of the script takes: the page, not the sending of what it made."""
    from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

    run = ScriptRunner._run_script

    def timed(self: ScriptRunner, *arguments: Any) -> None:
        start, busy = perf_counter(), thread_time()
        try:
            run(self, *arguments)
        finally:
            line = f"{perf_counter() - start:.6f} {thread_time() - busy:.6f}\n"
            with log.open("a") as file:
                file.write(line)

    ScriptRunner._run_script = timed  # type: ignore[method-assign]


def main() -> None:
    """Run until ended from outside."""
    log, *options = sys.argv[1:]
    if "--thaw" in options:
        options.remove("--thaw")
        gc.freeze = lambda: None
    stopwatch(Path(log))
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", "run", str(ROOT / "app.py"), *options]
    streamlit()


if __name__ == "__main__":
    main()
