"""How the small networks were trained: recipe, data and loop.

What came of it is told by ``findings.model_card``, which recomputes every number that it prints.
"""
