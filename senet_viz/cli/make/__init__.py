"""Verbs that make or check what is shipped: weights, profiles, accuracies, the card and the lessons.

Most are given a folder of pictures, and what they measure can be kept in a file.
"""
