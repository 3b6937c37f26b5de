"""What all sessions share: one engine that asks the networks, its cache, and work that takes long.

Nothing here knows Streamlit.
"""
