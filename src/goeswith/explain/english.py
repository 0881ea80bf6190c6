"""Reasons in English: a text that can stand in a sentence, and a short form for a table."""

from collections.abc import Callable, Mapping
from typing import Any

N = Mapping[str, Any]
W = Mapping[str, str]


def _baskets(n: N, w: W) -> tuple[str, str]:
    many = f"{n['both']:,}" if n["both"] else "none"
    verb = "has" if n["both"] <= 1 else "have"
    text = f"{many} of {_of(n['with_a'], 'basket')} with {w['a']} {verb} {w['b']}"
    short = f"in {many} of {_of(n['with_a'], 'basket')} with {w['a']}"
    return (f"{text}, {n['lift']:.1f} times chance", short) if n["both"] else (text, "")


def _unsold(n: N, w: W) -> tuple[str, str]:
    return f"no basket has {w['product']} yet", f"{w['product']} was never sold"


def _borrowed(n: N, w: W) -> tuple[str, str]:
    share = f"{n['both']:,} of {_of(n['with_other'], 'basket')} with {w['other']}"
    text = f"{w['neighbour']}, whose text has a cosine of {n['cosine']:.2f} with that of {w['product']}, is in {share}"
    return text, f"near {w['neighbour']} ({n['cosine']:.2f}), in {share}"


def _later(n: N, w: W) -> tuple[str, str]:
    text = (
        f"{n['after']:,} of {n['buyers_a']:,} customers with {w['a']} bought {w['b']} later, within "
        f"{_of(n['window_days'], 'day')}, and the other way round {n['before']:,} of {n['buyers_b']:,}"
    )
    short = f"later bought by {n['after']:,} of {n['buyers_a']:,} with {w['a']}" if n["after"] > n["before"] else ""
    return text, short


def _attribute(n: N, w: W) -> tuple[str, str]:
    named = f"the same {w['attribute'].replace('_', ' ')}, {w['value']}"
    return f"they have {named} ({n['n_with']:,} of {_of(n['n_products'], 'product')})", f"same {w['attribute']}"


def _words(n: N, w: W) -> tuple[str, str]:
    each = ", ".join(f'"{word}" ({many:,})' for word, many in n["n_with"].items())
    short = "shared words: " + ", ".join(n["n_with"])
    return f"both names have {each}, in brackets how many of {_of(n['n_products'], 'product')} do", short


def _price(n: N, w: W) -> tuple[str, str]:
    return f"{w['b']} costs {n['price_b']:.2f}, {n['ratio']:.2g} times the {n['price_a']:.2f} of {w['a']}", ""


def _similarity(n: N, w: W) -> tuple[str, str]:
    return f"the texts have a cosine of {n['cosine']:.2f}", f"text cosine {n['cosine']:.2f}"


def _probability(n: N, w: W) -> tuple[str, str]:
    value, low, high = (f"{100 * n[part]:.1f}" for part in ("value", "low", "high"))
    return f"the estimated probability of {w['b']} is {value} % (between {low} % and {high} %)", ""


def _own(n: N, w: W) -> tuple[str, str]:
    gap = n["usual_gap_days"]
    usual = "" if gap is None else f", usually {_days(gap)} apart"
    times, ago = _times(n["times"]), f"{_of(n['days_since'], 'day')} ago"
    return f"this customer bought {w['b']} {times}{usual}, last on {n['last']}, {ago}", f"bought {times}, last {ago}"


def _carried(n: N, w: W) -> tuple[str, str]:
    share = f"{100 * n['share']:.0f} %"
    bought = "" if n["times"] is None else f", bought {_times(n['times'])},"
    text = f"{w['product']}{bought} carried {share} of what the history added to the score"
    if n["both"] is not None:
        text += f", and {n['both']:,} of {_of(n['with_product'], 'basket')} with it {_have(n['both'])} {w['b']}"
    return text, f"from {w['product']} ({share})"


def _companion(n: N, w: W) -> tuple[str, str]:
    share = f"{n['both']:,} of {_of(n['with_product'], 'basket')} with {w['product']}"
    bought = "" if n["times"] is None else f", which this customer bought {_times(n['times'])},"
    return f"{share}{bought} {_have(n['both'])} {w['b']}", f"in {share}"


def _resembles(n: N, w: W) -> tuple[str, str]:
    bought = "" if n["times"] is None else f", bought {_times(n['times'])},"
    text = f"the text of {w['product']}{bought} has a cosine of {n['cosine']:.2f} with that of {w['b']}"
    return text, f"near {w['product']} ({n['cosine']:.2f})"


def _category(n: N, w: W) -> tuple[str, str]:
    share = f"{n['in_category']:,} of {_of(n['purchases'], 'purchase')}"
    verb = "is" if n["in_category"] == 1 else "are"
    return f"{share} of this customer {verb} in {w['category']}", f"{share} in {w['category']}"


def _browsed(n: N, w: W) -> tuple[str, str]:
    did = {"view": ("viewed {}", ""), "cart": ("put {}", " into the cart"), "wish": ("wished for {}", "")}
    done = [(*did[event], _times(n[event])) for event in did if n[event]]
    said = [f"{verb.format('it' if at else w['b'])}{where} {times}" for at, (verb, where, times) in enumerate(done)]
    short = ", ".join(f"{verb.format('').strip()}{where} {times}" for verb, where, times in done)
    return f"this customer {' and '.join(said)}, last on {n['last']}", short


def _returned(n: N, w: W) -> tuple[str, str]:
    return f"this customer brought {w['b']} back {_times(n['times'])}, last on {n['last']}", ""


def _popular(n: N, w: W) -> tuple[str, str]:
    share = f"{n['buyers']:,} of {_of(n['customers'], 'customer')}"
    span = f"in the last {_of(n['days'], 'day')}"
    return f"{w['b']} was bought by {share} who bought anything {span}", f"bought by {share} {span}"


PHRASES: dict[str, Callable[[N, W], tuple[str, str]]] = {
    "baskets": _baskets,
    "unsold": _unsold,
    "borrowed": _borrowed,
    "later": _later,
    "attribute": _attribute,
    "words": _words,
    "price": _price,
    "similarity": _similarity,
    "probability": _probability,
    "own": _own,
    "carried": _carried,
    "companion": _companion,
    "resembles": _resembles,
    "category": _category,
    "browsed": _browsed,
    "returned": _returned,
    "popular": _popular,
}


def _of(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n:,} times")


def _days(gap: float) -> str:
    return "less than a day" if gap < 1 else f"{gap:.0f} day" + ("" if round(gap) == 1 else "s")
