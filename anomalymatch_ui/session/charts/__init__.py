"""The numbers behind the pictures of a session: charts of its scores, and the map of its embedding."""
