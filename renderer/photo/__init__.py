"""Portraits from pictures: a photograph, painting or drawing and 21 keypoints, ready to talk."""
