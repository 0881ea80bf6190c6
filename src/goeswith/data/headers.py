"""What shops call their columns, in English and Chinese. Earlier names are preferred to later ones."""

import re

PRODUCTS: dict[str, str] = {
    "product_id": "product_id parent_asin asin sku sku_id item_id stock_code product_code item_code goods_id spu_id "
    "article_id article_no product item upc ean gtin barcode poi_id place_id business_id hotel_id movie_id book_id "
    "isbn track_id song_id video_id recipe_id material_id code id 商品编号 商品id 商品编码 商品代码 产品编号 产品id "
    "产品编码 货号 物品id 物品编号 条码 条形码 sku编号 编号",
    "name": "name product_name title item_name product_title item_title goods_name poi_name item_description "
    "movie_title book_title text 商品名称 产品名称 品名 名称 商品名 产品名 标题 商品标题",
    "description": "description product_description desc long_description details 商品描述 产品描述 描述 "
    "简介 详情 说明",
    "category": "category product_category categories main_category category_name item_category cat poi_cat genre "
    "genres theme poi_theme category_id class aisle department 类别 类目 品类 分类 商品类别 商品分类 产品类别 类目id",
    "brand": "brand brand_name manufacturer maker vendor brand_id 品牌 品牌名称 厂商 生产商 品牌id",
    "price": "price unit_price sale_price retail_price list_price selling_price base_price item_price cost 价格 单价 "
    "售价 定价 零售价 商品价格",
    "size": "size package_size pack_size packaging volume 规格 尺寸 容量 包装",
    "image": "image image_url image_path img picture picture_url photo thumbnail im_url imurl 图片 图片地址 图片链接",
    "available": "available in_stock is_available availability active is_active 在售 可售 是否上架 是否在售 上架",
    "latitude": "latitude lat poi_lat 纬度",
    "longitude": "longitude lon lng long poi_lon poi_long 经度",
    "opens": "opens opening_time open_time opening opens_at 开门时间 营业开始",
    "closes": "closes closing_time close_time closing closes_at 关门时间 营业结束",
    "stock": "stock stock_quantity inventory on_hand quantity_on_hand stock_level 库存 库存量",
    "lead_time_days": "lead_time_days lead_time lead_days 提前期 交货期",
}

EVENTS: dict[str, str] = {
    "product_id": PRODUCTS["product_id"].replace(" code id ", " "),
    "timestamp": "timestamp transaction_timestamp datetime date_time event_time invoice_date order_date purchase_date "
    "transaction_date order_timestamp purchase_timestamp order_time purchase_time unix_review_time created_at "
    "order_purchase_timestamp time ts date visit_date visit_time date_taken sale_date sales_date t_dat review_time "
    "时间戳 时间 日期 下单时间 购买时间 交易时间 订单日期 订单时间 交易日期 购买日期 下单日期 支付时间 "
    "行为时间 发生时间",
    "position": "position step rank_in_history order_in_history day day_number t 顺序 次序 位置",
    "customer_id": "customer_id customer user_id user household_id household_key household client_id member_id "
    "reviewer_id buyer_id visitor_id shopper_id account_id person_id loyalty_id card_id customer_unique_id customer_no "
    "uid 顾客编号 用户id 顾客id 客户编号 客户id 用户编号 会员编号 会员号 会员id 买家id 用户",
    "basket_id": "basket_id basket invoice_no invoice order_id transaction_id receipt_id bill_no ticket_id order_no "
    "order_number invoice_id invoice_number receipt_no receipt trip_id checkout_id tid seq_id 订单号 订单编号 订单id "
    "小票号 小票编号 交易号 交易编号 单号 购物篮编号",
    "event": "event event_type behavior behavior_type behaviour action action_type interaction interaction_type "
    "feedback_type event_name activity type 行为 行为类型 事件 事件类型 动作 操作类型",
    "quantity": "quantity qty units quantity_sold items_count n_units count 数量 件数 购买数量 销售数量 销量",
    "price": "unit_price price sale_price item_price selling_price price_per_unit 单价 价格 售价 成交价",
    "line_total": "sales_value line_total total_price line_amount total amount sales revenue net_sales 金额 总价 小计 "
    "销售额 销售金额 实付金额",
    "discount": "discount retail_disc discount_amount markdown 折扣 优惠 优惠金额 折扣金额",
    "store_id": "store_id store shop_id branch_id store_no location_id outlet_id 门店编号 店铺id 门店id 门店",
    "session_id": "session_id session visit_id session 会话id 会话编号 会话",
    "rating": "rating overall stars score 评分 星级",
}

_ID_WORDS = {"id", "no", "number", "code", "key", "num", "nr"}
_LOOSE: dict[str, tuple[set[str], set[str]]] = {
    "product_id": ({"product", "item", "sku", "goods", "article", "prod"}, _ID_WORDS),
    "customer_id": (
        {"customer", "user", "client", "member", "buyer", "shopper", "household", "visitor", "cust"},
        _ID_WORDS,
    ),
    "basket_id": ({"order", "basket", "invoice", "transaction", "receipt", "ticket"}, _ID_WORDS),
    "store_id": ({"store", "branch"}, _ID_WORDS),
    "name": ({"product", "item", "goods", "article", "prod"}, {"name", "title"}),
    "timestamp": ({"date", "time", "timestamp", "datetime"}, set()),
    "price": ({"price"}, set()),
    "quantity": ({"quantity", "qty"}, set()),
    "category": ({"category"}, set()),
}
_LOOSE_CHINESE: dict[str, str] = {
    "product_id": "(商品|产品|物品|货品).*(编号|号|编码|代码|id)",
    "customer_id": "(顾客|用户|会员|客户|买家).*(编号|号|编码|代码|id|卡)",
    "basket_id": "(订单|小票|交易|单据).*(编号|号|编码|id)",
    "name": "(名称|品名|标题)",
    "timestamp": "(日期|时间)",
    "price": "(单价|价格|售价)",
    "quantity": "(数量|件数)",
    "category": "(类别|类目|品类|分类)",
    "brand": "品牌",
}


def words(header: str) -> list[str]:
    """The words of a header, whatever joins them; RecBole's type after a colon is left out.

    >>> words("InvoiceNo"), words("user_id:token"), words("household key"), words("商品ID")
    (['invoice', 'no'], ['user', 'id'], ['household', 'key'], ['商品id'])
    """
    bare = re.sub(r":(token|float)(_seq)?$", "", header.strip())
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", bare)
    return [word for word in re.split(r"[^0-9a-z\u4e00-\u9fff]+", apart.lower()) if word]


def rank_of(header: str, names: str) -> int | None:
    """Where this header stands among the names, or None if it is none of them."""
    return _positions(names).get("".join(words(header)))


def loosely(header: str, ours: str) -> bool:
    """Whether the words of this header point at our column, though it is no name that is known."""
    found = words(header)
    subject, aspect = _LOOSE.get(ours, (set(), set()))
    if set(found) & subject and (not aspect or set(found) & aspect):
        return True
    pattern = _LOOSE_CHINESE.get(ours)
    return bool(pattern and re.search(pattern, "".join(found)))


def _positions(names: str) -> dict[str, int]:
    return {name.replace("_", ""): place for place, name in reversed(list(enumerate(names.split())))}
