"""What a person takes home of a page: the stage in one file, a notebook of its state, all its numbers as tables.

Each is made when it is asked for; the command line makes the first two as well.
"""
