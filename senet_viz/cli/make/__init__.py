"""Verbs that make what is shipped, over many pictures: weights, profiles, accuracies and the card.

Each is given a folder, and what it measures can be kept in a file.
"""
