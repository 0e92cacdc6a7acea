"""Several processes that serve as one: a front that accepts, and workers that hold sessions."""
