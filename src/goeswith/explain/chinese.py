"""Reasons in Chinese; the same facts as `english`. Names of products stand in quotation marks."""

from collections.abc import Callable, Mapping
from typing import Any

N = Mapping[str, Any]
W = Mapping[str, str]

_ATTRIBUTES = {"category": "类别", "brand": "品牌", "size": "规格"}


def _baskets(n: N, w: W) -> tuple[str, str]:
    text = f"含有{w['a']}的{n['with_a']}个购物篮中，{n['both']}个有{w['b']}"
    short = f"与{w['a']}同篮{n['both']}/{n['with_a']}"
    return (f"{text}，是随机情形的{n['lift']:.1f}倍", short) if n["both"] else (text, "")


def _unsold(n: N, w: W) -> tuple[str, str]:
    return f"{w['product']}还没有出现在任何购物篮中", "尚未售出"


def _borrowed(n: N, w: W) -> tuple[str, str]:
    text = (
        f"{w['neighbour']}与{w['product']}的文字余弦为{n['cosine']:.2f}，"
        f"含有{w['other']}的{n['with_other']}个购物篮中，{n['both']}个有它"
    )
    return text, f"近{w['neighbour']}（{n['cosine']:.2f}），与{w['other']}同篮{n['both']}/{n['with_other']}"


def _later(n: N, w: W) -> tuple[str, str]:
    text = (
        f"购买{w['a']}的{n['buyers_a']}位顾客中，{n['after']}位在之后{n['window_days']}天内购买了{w['b']}，"
        f"反过来是{n['buyers_b']}位中的{n['before']}位"
    )
    return text, f"买{w['a']}后{n['after']}/{n['buyers_a']}人购买" if n["after"] > n["before"] else ""


def _attribute(n: N, w: W) -> tuple[str, str]:
    attribute = _ATTRIBUTES.get(w["attribute"], w["attribute"])
    return f"两者{attribute}相同：{w['value']}（{n['n_products']}种商品中有{n['n_with']}种）", f"{attribute}相同"


def _words(n: N, w: W) -> tuple[str, str]:
    each = "、".join(f"“{word}”（{many}）" for word, many in n["n_with"].items())
    return f"两者名称都有{each}，括号内是{n['n_products']}种商品中的数目", "共有词：" + "、".join(n["n_with"])


def _price(n: N, w: W) -> tuple[str, str]:
    return f"{w['b']}的价格是{n['price_b']:.2f}，为{w['a']}（{n['price_a']:.2f}）的{n['ratio']:.2g}倍", ""


def _similarity(n: N, w: W) -> tuple[str, str]:
    return f"两者文字的余弦为{n['cosine']:.2f}", f"文字余弦{n['cosine']:.2f}"


def _probability(n: N, w: W) -> tuple[str, str]:
    value, low, high = (f"{100 * n[part]:.1f}%" for part in ("value", "low", "high"))
    return f"{w['b']}的估计概率为{value}（{low}至{high}）", ""


def _own(n: N, w: W) -> tuple[str, str]:
    gap = n["usual_gap_days"]
    usual = "" if gap is None else "，通常间隔不到1天" if gap < 1 else f"，通常间隔{gap:.0f}天"
    text = f"该顾客购买过{w['b']}{n['times']}次{usual}，最近一次在{n['last']}，{n['days_since']}天前"
    return text, f"买过{n['times']}次，{n['days_since']}天前"


def _carried(n: N, w: W) -> tuple[str, str]:
    bought = "" if n["times"] is None else f"（买过{n['times']}次）"
    together = "" if n["both"] is None else f"，含有它的{n['with_product']}个购物篮中，{n['both']}个有{w['b']}"
    share = f"{100 * n['share']:.0f}%"
    return f"{w['product']}{bought}占购买历史对得分贡献的{share}{together}", f"来自{w['product']}（{share}）"


def _companion(n: N, w: W) -> tuple[str, str]:
    bought = "" if n["times"] is None else f"（该顾客买过{n['times']}次）"
    text = f"含有{w['product']}{bought}的{n['with_product']}个购物篮中，{n['both']}个有{w['b']}"
    return text, f"与{w['product']}同篮{n['both']}/{n['with_product']}"


def _resembles(n: N, w: W) -> tuple[str, str]:
    bought = "" if n["times"] is None else f"（买过{n['times']}次）"
    text = f"{w['product']}{bought}与{w['b']}的文字余弦为{n['cosine']:.2f}"
    return text, f"近{w['product']}（{n['cosine']:.2f}）"


def _category(n: N, w: W) -> tuple[str, str]:
    text = f"该顾客{n['purchases']}次购买中，{n['in_category']}次属于{w['category']}"
    return text, f"{w['category']}占{n['in_category']}/{n['purchases']}"


def _browsed(n: N, w: W) -> tuple[str, str]:
    did = {"view": "浏览", "cart": "加入购物车", "wish": "收藏"}
    said = "、".join(f"{verb}{n[event]}次" for event, verb in did.items() if n[event])
    return f"该顾客对{w['b']}{said}，最近一次在{n['last']}", said


def _returned(n: N, w: W) -> tuple[str, str]:
    return f"该顾客退回过{w['b']}{n['times']}次，最近一次在{n['last']}", ""


def _popular(n: N, w: W) -> tuple[str, str]:
    text = f"最近{n['days']}天内有购买的{n['customers']}位顾客中，{n['buyers']}位购买了{w['b']}"
    return text, f"近{n['days']}天{n['buyers']}/{n['customers']}人购买"


_SPOKEN: dict[str, Callable[[N, W], tuple[str, str]]] = {
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
_PRODUCTS = ("a", "b", "product", "neighbour", "other")


def _quoting(speak: Callable[[N, W], tuple[str, str]]) -> Callable[[N, W], tuple[str, str]]:
    def spoken(n: N, w: W) -> tuple[str, str]:
        return speak(n, {role: f"“{name}”" if role in _PRODUCTS else name for role, name in w.items()})

    return spoken


PHRASES = {kind: _quoting(speak) for kind, speak in _SPOKEN.items()}
