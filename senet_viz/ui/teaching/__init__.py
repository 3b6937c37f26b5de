"""What leads through the pages: the guide of a lesson, its questions, and the class that follows a teacher.

Nothing here is on screen, or costs anything, unless a lesson or a class is on.
"""
