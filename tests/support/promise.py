"""What a bench raises at its end."""


class Broken(Exception):
    """A promise that is not kept."""
