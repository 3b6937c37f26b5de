"""Figures as data, where their parts go, and who draws them.

``grammar`` has the words, with the ``marks``; ``layout`` makes a ``placed`` figure of them, once for every renderer.
``renderers`` read it and draw: one file each.
"""
