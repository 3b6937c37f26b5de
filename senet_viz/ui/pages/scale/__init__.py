"""What the pages on the size of things are made of: the scrubber, and what kernels a photo prefers.

One module a subject, as in ``figures.scale``.
"""
