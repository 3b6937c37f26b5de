"""What the pages of the lab are made of: gates that are changed, attributed, profiled and taken away.

One module a subject, as in ``figures.lab``.
"""
