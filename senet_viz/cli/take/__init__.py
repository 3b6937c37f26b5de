"""Verbs that write what is on screen into a file to take home: slides, the stage, a notebook.

Each is given one photo and one block.
"""
