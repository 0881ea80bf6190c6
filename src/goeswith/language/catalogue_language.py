"""Whether a catalogue is in English, and which encoder understands it."""

from collections.abc import Sequence

from goeswith.language.encoder_folder import PACKAGES, is_installed

ENGLISH, MULTILINGUAL = "packaged:all-MiniLM-L6-v2", "packaged:multilingual-e5-small"
FOREIGN = 0.2
"""Share of the texts, of which most letters or any accented word are not English, from which a catalogue is not."""


def foreign_share(texts: Sequence[str]) -> float:
    """Share of the texts that an English encoder cannot read: a third of the letters or more are not a to z.

    A stray é in an English catalogue does not count; Chinese, Japanese, Cyrillic or Arabic names do. Languages in
    plain Latin letters (Dutch, Italian) cannot be told from English so; name the encoder for them.

    Examples
    --------
    >>> foreign_share(["oat milk", "有机牛奶 1 l", "crème brûlée"])
    0.3333333333333333
    """
    known = [[letter for letter in text.lower() if letter.isalpha()] for text in texts]
    told = [letters for letters in known if letters]
    foreign = sum(sum(not "a" <= letter <= "z" for letter in letters) * 3 >= len(letters) for letters in told)
    return foreign / len(told) if told else 0.0


def choose_encoder(asked: str, texts: Sequence[str]) -> tuple[str, str]:
    """The encoder to load, and what should be said about it ("" where nothing).

    Parameters
    ----------
    asked : "auto", or what the user named
    """
    share = foreign_share(texts)
    if asked == "auto":
        if share < FOREIGN:
            return ENGLISH, ""
        if is_installed(MULTILINGUAL.removeprefix("packaged:")):
            return MULTILINGUAL, f"{share:.0%} of the texts are not in English: {MULTILINGUAL} reads them"
        return ENGLISH, _remedy(share, "pip install 'goeswith[multilingual]'")
    if asked == ENGLISH and share >= FOREIGN:
        return asked, _remedy(share, "leave the encoder out (--encoder auto), with goeswith[multilingual] installed")
    return asked, ""


def _remedy(share: float, way_out: str) -> str:
    name = ENGLISH.removeprefix("packaged:")
    assert name in PACKAGES
    return (
        f"warning: {share:.0%} of the texts are not in English, and {name} reads English only: to it milk and "
        f"detergent in Chinese are all but the same. Remedy: {way_out}"
    )
