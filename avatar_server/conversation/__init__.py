"""Engines of a conversation, each behind a small interface."""
