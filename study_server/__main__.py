"""`python -m study_server VERB`: the verbs of this package alone, on a host that has nothing else installed."""

import click

from study_server.errors import StudyError
from study_server.verbs import VERBS


def main() -> None:
    """Run one verb; a bad input ends with one sentence and exit code 1."""
    group = click.Group(commands={verb.name or "": verb for verb in VERBS})
    try:
        group(prog_name="python -m study_server", standalone_mode=True)
    except StudyError as error:
        raise SystemExit(f"Error: {error}") from error


if __name__ == "__main__":
    main()
