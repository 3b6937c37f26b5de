"""What single pages are made of, beyond the parts that all pages share.

One module a subject, as in ``figures``.
"""
