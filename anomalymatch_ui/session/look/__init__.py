"""How a session looks at its pool: the backbone, its passes over the images, and the embedding they make."""
