"""Every error that goeswith raises on purpose.

GoesWithError
├── UsageError            the call cannot be right: a bad option, k <= 0, a config that cannot run
│   └── UnknownId         a product or customer that the shop has not; near matches named
├── DataError             a file or frame that cannot be read as products or events
│   └── ColumnError       a column that is needed was not recognised
├── ShopError             the folder: not a shop, already one, locked by another fit, disk full
├── ModelError            no model yet, a version that is missing or damaged
│   └── CorruptModel      a checksum does not match
├── SeenSliceError        an evaluation on events that the model was fitted on
└── MissingExtra          a part that is not installed; names the command that installs it

Each message says what is wrong, where, and the way out. The command line prints the message alone and exits with
`exit_code`: 2 for wrong use, 1 for what failed.
"""

from collections.abc import Iterable


class GoesWithError(Exception):
    """Anything that goeswith refuses or could not do."""

    exit_code = 1


class UsageError(GoesWithError, ValueError):
    """The call cannot be right whatever the shop holds."""

    exit_code = 2


class UnknownId(UsageError):
    """An id that the shop has never seen.

    Parameters
    ----------
    kind : "product" or "customer"
    unknown : the ids, as given
    near : for the first of them, ids that look like it
    """

    def __init__(self, kind: str, unknown: Iterable[object], near: Iterable[object] = ()) -> None:
        self.kind, self.unknown, self.near = kind, list(unknown), list(near)
        shown = ", ".join(map(str, self.unknown[:5])) + (", …" if len(self.unknown) > 5 else "")
        hint = f" Near matches: {', '.join(map(str, self.near))}." if self.near else ""
        few = "is" if len(self.unknown) == 1 else "are"
        noun = kind if len(self.unknown) == 1 else kind + "s"
        super().__init__(
            f"{len(self.unknown)} {noun} {few} not in this shop ({shown}).{hint} "
            f'Check the spelling. Rankings leave unknown ids out with unknown="skip" (--unknown skip).'
        )


class DataError(GoesWithError):
    """A file or frame that cannot be read as products or events."""


class ColumnError(DataError):
    """A column that is needed was not recognised."""

    exit_code = 2


class ShopError(GoesWithError):
    """The shop folder is not in a state that allows this."""


class ModelError(GoesWithError):
    """There is no such model, or it cannot be used."""


class CorruptModel(ModelError):
    """A file of a model version is not what its manifest says."""


class SeenSliceError(GoesWithError):
    """An evaluation was asked for on events that the model was fitted on."""


class MissingExtra(GoesWithError):
    """A part of goeswith that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed: pip install 'goeswith[{extra}]'")
