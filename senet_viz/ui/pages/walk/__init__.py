"""What the pages that walk through one block share, beyond what all pages have.

The stage, which shows the whole block in one living picture, its first picture, which comes before Streamlit, the
answers that it asks for without a rerun, and the parts of the excitation.
"""
