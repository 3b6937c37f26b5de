"""Whether a photo is of one of a network's own classes: a score from the network's own numbers, and how well it tells.

The score and its record need no torch; ``measuring`` makes the record.
"""
