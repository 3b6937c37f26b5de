"""A question put to a live network, with torch: each module asks one and returns arrays.

What the answer means is said in ``findings``.
"""
