"""The blocks themselves and the networks that carry them.

Read ``blocks`` first: it is the lesson.
"""
