"""The command `mnist-bp`, and `python -m mnist_bp`: from here on, Ctrl-C is one message."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from mnist_bp.cli.signals import remember_interrupts

        remember_interrupts()
        from mnist_bp.cli.app import main as run
    except BaseException as error:
        from mnist_bp.errors import is_interrupt

        if not is_interrupt(error):
            raise
        sys.stderr.write("Error: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
