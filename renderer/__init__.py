"""From motion to pictures: avatars and the decoders that draw them."""
