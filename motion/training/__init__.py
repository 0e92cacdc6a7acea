"""Making the causal MoDA: speech with known phoneme times, targets, training."""
