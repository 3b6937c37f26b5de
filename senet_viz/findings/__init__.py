"""What numbers say, without torch: each module turns arrays into a verdict.

How the arrays were measured is the matter of ``experiments``.
"""
