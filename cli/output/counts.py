"""Numbers with their nouns."""


def count_of(count: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun, in the plural unless there is one; by default with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
