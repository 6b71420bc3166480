"""`python -m untrimmed` is `untrimmed`."""

from untrimmed.cli import main

if __name__ == "__main__":
    main()
