"""The error that users are meant to read."""


class InputError(ValueError):
    """Input that cannot be used: the message names it, what it was and what was expected."""


def one_line(error: BaseException) -> str:
    """What an error says, in one line: of one of the system its reason alone, since messages name
    the file themselves; its kind if it says nothing."""
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split()) or type(error).__name__
