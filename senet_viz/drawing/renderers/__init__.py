"""Draw a placed figure, a file a renderer: ``screen`` for the browser (plotly), ``slides`` for files (matplotlib).

A renderer calls ``layout.place``, reads what it answers, and has a table ``DRAW`` with one function for each mark.
"""
