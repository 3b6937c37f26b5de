"""What single pages are made of, beyond the elements that all pages share.

One folder a section of the menu, one module a subject, as in ``figures``.
"""
