"""The words that logs use for purchase, view, cart, wish and return."""

import polars as pl

KINDS: dict[str, str] = {
    "purchase": "purchase purchased buy bought order ordered transaction sale sold checkout pay paid payment "
    "购买 下单 支付 成交 交易 购",
    "view": "view viewed click clicked pv page_view pageview detail visit read impression browse look detail_view "
    "view_item 浏览 点击 查看 访问",
    "cart": "cart add_to_cart addtocart add_cart basket_add added_to_cart add_to_basket 加购 加入购物车 购物车",
    "wish": "wish wishlist fav favorite favourite like liked star collect save add_to_wishlist 收藏 "
    "喜欢 加入收藏 心愿单",
    "return": "return returned refund refunded cancel cancelled canceled 退货 退款 退 取消",
}
_KIND_OF = {word.replace("_", ""): kind for kind, listed in KINDS.items() for word in listed.split()}
TIANCHI = {"1": "view", "2": "wish", "3": "cart", "4": "purchase"}
"""The numbers of Alibaba's user behaviour sets, where the column is called behavior_type."""


def kind(column: pl.Expr, numbered: bool = False) -> pl.Expr:
    """Our kind of event for a column of words; null where the word is not known."""
    word = column.cast(pl.String).str.strip_chars().str.to_lowercase().str.replace_all(r"[\s_\-]+", "")
    return word.replace_strict(TIANCHI if numbered else _KIND_OF, default=None, return_dtype=pl.String)


def are_kinds(sample: pl.Series) -> bool:
    """Whether most of these values are words for kinds of events."""
    values = sample.drop_nulls()
    return len(values) > 0 and float(values.to_frame("k").select(kind(pl.col("k")).is_not_null().mean()).item()) > 0.5


def are_numbered_kinds(sample: pl.Series) -> bool:
    values = set(sample.drop_nulls().cast(pl.String).to_list())
    return bool(values) and values <= set(TIANCHI)
