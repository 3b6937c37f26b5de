"""Verbs that put a question to networks as they are: each prints its answer.

Nothing here changes weights or what is shipped.
"""
