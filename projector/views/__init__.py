"""The SQL of the views, and the file that contains them."""
