"""python -m goeswith"""

from goeswith.cli import main

if __name__ == "__main__":
    main()
