"""The command `mnist-bp`, and `python -m mnist_bp`: from here on, Ctrl-C is one message."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from mnist_bp.cli.signals import remember_interrupts

        remember_interrupts()
        from mnist_bp.cli.app import main as run

        run()
    except BaseException as error:
        if not is_interrupt(error):
            raise
        # An import that was cut off leaves modules behind that cannot be used: none is used here.
        sys.stderr.write("Error: interrupted\n")
        sys.exit(130)


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is the origin of an exception: an import may raise another from it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    main()
