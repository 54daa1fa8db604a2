"""The error that users are meant to read."""


class InputError(ValueError):
    """Input that cannot be used: the message names it, what it was and what was expected."""
