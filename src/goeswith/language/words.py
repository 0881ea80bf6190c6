"""Words for the views that count them; the encoder has its own tokenizer."""

import re

_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def words(text: str) -> list[str]:
    """Lower-case words in their order; Chinese and Japanese runs as overlapping pairs of characters.

    Examples
    --------
    >>> words("Oat-Milk 1L, 有机牛奶")
    ['oat', 'milk', '1l', '有机', '机牛', '牛奶']
    """
    found: list[str] = []
    for run in _RUN.findall(text.lower()):
        if "\u3040" <= run[0] <= "\u9fff" or "\uf900" <= run[0] <= "\ufaff":
            found.extend(run[at : at + 2] for at in range(max(1, len(run) - 1)))
        else:
            found.append(run)
    return found
