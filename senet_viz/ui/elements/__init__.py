"""What every page is made of: the frame around it, what stands on top, choices, boards, figures and their export.

Nothing here belongs to one page alone: that lies in ``ui.pages``.
"""
