"""What whoever runs the server reads of it. Nothing here is on a page."""
