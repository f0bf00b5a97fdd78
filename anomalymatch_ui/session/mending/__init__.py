"""A session brought back in order: labels that were lost, and images that lie elsewhere now."""
