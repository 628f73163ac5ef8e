"""The command `mnist-bp`, and `python -m mnist_bp`: from here on, Ctrl-C is one message."""

import sys

from mnist_bp.cli.interrupts import is_interrupt


def main() -> None:
    """Run the command line."""
    try:
        from mnist_bp.cli.signals import remember_interrupts

        remember_interrupts()
        from mnist_bp.cli.app import main as run
    except BaseException as error:
        if not is_interrupt(error):
            raise
        sys.stderr.write("Error: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
