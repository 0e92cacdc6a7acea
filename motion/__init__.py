"""From speech features to motion: 70 numbers per video frame, 25 frames a second."""
