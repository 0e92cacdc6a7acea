"""Many viewers at once: what each of them gets, and how many a server carries."""
