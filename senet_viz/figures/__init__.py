"""One module a subject, each function from arrays and texts to a ``Figure``.

The folders are the sections of the pages; nothing here knows a model or a renderer.
"""
