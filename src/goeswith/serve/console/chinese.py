"""What the console says in Chinese, by what it says in English."""

CHINESE = {
    "Home": "首页",
}
