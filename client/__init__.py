"""Clients of the server: the browser page, a headless peer, the load test."""
