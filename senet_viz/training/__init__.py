"""How the small networks were trained, and the card that says so.

Recipe, data and loop; ``model_card`` recomputes every number that it prints.
"""
