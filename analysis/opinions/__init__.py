"""Mean opinion scores: reading them, and how well metrics agree with them."""
