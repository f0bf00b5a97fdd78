"""The drawer at the right: charts of the search, and the map."""
