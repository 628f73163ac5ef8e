"""`python -m mnist_bp`: the same as the command `mnist-bp`."""

from mnist_bp.cli.app import main

if __name__ == "__main__":
    main()
