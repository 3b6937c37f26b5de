"""Lessons as data: what a lesson, its steps and its questions are made of. Nothing here knows torch or a browser."""
