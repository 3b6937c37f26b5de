"""Journeys through the app in a real headless Chromium."""
