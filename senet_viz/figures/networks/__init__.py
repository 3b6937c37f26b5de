"""Figures of the pages on networks.

Where the block sits, what it costs, and two networks side by side.
"""
