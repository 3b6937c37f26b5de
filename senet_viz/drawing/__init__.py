"""Figures as data, where their parts go, and who draws them.

``grammar`` has the words, ``layout`` the places.
``screen`` draws pages with plotly, ``slides`` files with matplotlib.
"""
