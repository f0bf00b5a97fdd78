"""What people say of the images, and what follows from it: labels, tags, notes, and the evidence in them."""
