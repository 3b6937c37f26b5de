"""Memory of a walk through the two largest networks: load, one traced forward at 224 with one block's U. Goal: 4 GB.

Peak resident memory of a fresh process, libraries included. Random weights: they take as much as trained ones.

    python -m benchmarks.memory
"""

import subprocess
import sys

from benchmarks.common import print_table

MODELS = ("legacy_senet154", "se_resnet152", "se_vgg16_bn", "se_inception_resnet_v2", "sknet101")
GOAL_GB = 4.0
WALK = """
import resource, sys
import senet_viz
spec = senet_viz.spec(sys.argv[1])
model = senet_viz.load(spec.key, weights="random")
refs = senet_viz.find(model)
x = senet_viz.preprocess(senet_viz.sample("chelsea"), spec).x
trace = senet_viz.trace(model, x, keep_u=(refs[0].name,))
assert len(trace.blocks) == spec.blocks and trace.silent == () and trace.blocks[0].u is not None
print(len(trace.blocks), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def walk(key: str) -> tuple[int, float]:
    """(blocks, peak resident memory in GB) of one walk in a process of its own."""
    done = subprocess.run([sys.executable, "-c", WALK, key], capture_output=True, text=True, check=True)
    blocks, peak = map(int, done.stdout.split())
    return blocks, peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def main() -> None:
    """Measure, print, and fail where the goal is missed."""
    rows = [(key, *walk(key)) for key in MODELS]
    print_table(("model", "blocks", "peak GB"), [(key, str(n), f"{gb:.2f}") for key, n, gb in rows])
    if any(gb > GOAL_GB for _, _, gb in rows):
        raise SystemExit(f"goal missed: at most {GOAL_GB} GB")


if __name__ == "__main__":
    main()
