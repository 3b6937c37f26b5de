"""What a unit is made of and what its gates cost: graphs of units, counting, memory, time, and the papers' tables.

Numbers of the papers stand in ``papers``, apart from what is counted here.
"""
