"""What every part of a session stands on: its folder, its lock, its work in the background, its status."""
