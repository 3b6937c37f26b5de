"""Figures of the lab's pages.

Edited gates, attribution, profiles of classes, and whether a gate is worth anything.
"""
