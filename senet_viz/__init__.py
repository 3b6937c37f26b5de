"""Watch a network decide which channels matter. Importing this imports nothing else."""

import os

# Two torch threads of one forward wait for each other after every layer. By default they wait by spinning, for so long
# that any third thread on the machine makes a 20 ms forward take up to a second. It is read when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
