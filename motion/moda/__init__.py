"""MoDA (arXiv 2507.03256): a multimodal diffusion transformer from speech to motion.

The published model and the small causal one are two configurations of the same network.
"""
