"""The engine that is elsewhere: questions travel to Ray Serve as data, and answers come back as data.

Only ``replica`` knows Ray. What the web process needs imports neither Ray nor torch.
"""
