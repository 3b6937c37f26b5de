"""The catalogue of networks and how one of them comes to be: weight files, downloads, devices, names of classes.

One row a model; whatever else is known of it derives from the row.
"""
