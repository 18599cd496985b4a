"""`python -m ldp_tui`: the command line, where its script is not on the path."""

from ldp_tui.cli import main

if __name__ == "__main__":
    main()
