"""``python -m avatar_server``."""

from avatar_server.cli import main

main()
