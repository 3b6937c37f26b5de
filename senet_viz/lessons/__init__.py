"""Lessons are data: text files that say, step by step, which page to open, what to look at and what to do.

``reading`` reads them, ``rules`` says what is wrong with one. Nothing here runs a network or draws a page.
"""

from senet_viz.lessons.question import Question
from senet_viz.lessons.reading import Lesson, Step, lesson, names

__all__ = ("Lesson", "Question", "Step", "lesson", "names")
