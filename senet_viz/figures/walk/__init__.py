"""Figures of the pages that walk through one block.

Squeeze, excitation and rescale, in the order in which the block computes.
"""
