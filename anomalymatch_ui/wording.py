"""Numbers in sentences."""


def counted(count: int, noun: str) -> str:
    """Return a number of things, such as ``"1 image"`` or ``"1,200 images"``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
