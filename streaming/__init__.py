"""Media in time: the sample clock, tracks, encoders and WebRTC peers."""
