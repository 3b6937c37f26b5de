"""From a stranger's file to what a network sees: bounds, decoding, crops, sets of photos.

A picture is untrusted until ``reading.read`` has returned it.
"""
