"""The command line: each command parses, calls the public function and prints."""


def main() -> None:
    """What the console script `goeswith` runs."""
    from goeswith.cli.app import app

    app()
