"""The avatar server: application, API, sessions and conversation."""
