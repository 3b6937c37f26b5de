"""What the pages on networks are made of: what gates cost, where they sit, which two are compared.

One module a subject, as in ``figures.networks``.
"""
