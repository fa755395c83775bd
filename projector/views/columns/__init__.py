"""What the columns of views are, and the texts about them."""
