"""Looking inside a live network, and changing it: where its blocks are, what they computed, what an edit does.

``hooks`` runs a network and looks inside, and only ``probes`` sets hooks; ``replay`` computes a block again.
"""
