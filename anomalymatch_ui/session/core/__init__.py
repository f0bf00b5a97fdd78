"""What every part of a session stands on: its folder, its pen, its work in the background, its status."""
