"""Whether Ctrl-C is behind an error. Nothing is imported here: an import may have been cut off."""


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is the origin of an exception: an import may raise another from it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
