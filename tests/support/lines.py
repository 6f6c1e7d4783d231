"""How wide a text is."""

from rctrack.show.words import WIDTH


def too_long(text: str) -> list[str]:
    """The lines of more than 72 that could have been broken: one long word, or a link behind its label, cannot."""
    return [
        line
        for line in text.splitlines()
        if len(line) > WIDTH and not any(len(word) > WIDTH - 20 for word in line.split())
    ]
