"""Looking inside a live network, and changing it: where its blocks are, what they computed, what an edit does.

Only ``hooks`` sets hooks; ``replay`` computes a block again from what was seen.
"""
