"""Draws the portraits that ship in ``renderer/data`` from curves; needs the ``draw`` extra."""
