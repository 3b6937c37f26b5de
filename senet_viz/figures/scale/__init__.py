"""Figures of the pages on scale.

Channel weights and the choice between kernels as things get larger, and what a convolution sees.
"""
