"""What a presentation that goes on being edited is made of: its file and fonts, its charts, its tables and words.

``renderers.deck`` puts figures onto its slides with them. Everything here knows python-pptx, which it imports late.
"""
