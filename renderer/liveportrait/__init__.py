"""LivePortrait (arXiv 2407.03168): the frozen decoder of the published MoDA model.

F (appearance) and M (motion) look at a portrait once; W (warping) and G (generator) make a picture
of it for every frame; S (stitching) keeps driven keypoints on the shoulders of the portrait.
"""
