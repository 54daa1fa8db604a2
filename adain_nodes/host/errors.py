"""The error that users are meant to read."""


class InputError(ValueError):
    """Input that cannot be used: the message names it, what it was and what was expected."""


def one_line(error: BaseException) -> str:
    """What an error says, in one line; its kind if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
