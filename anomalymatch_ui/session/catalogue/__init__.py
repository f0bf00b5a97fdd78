"""What is known of the images besides their pixels: columns of tables, and positions on the sky."""
