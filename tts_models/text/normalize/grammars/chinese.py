"""Mandarin Chinese."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.grammars.myriad import chinese
from tts_models.text.normalize.lexicon import Coin, coins, words
from tts_models.text.normalize.number import Number, NumberFormat

_COUNTERS = (
    "个|個|只|隻|本|张|張|位|名|天|次|杯|条|條|块|塊|件|家|台|台|辆|輛|座|间|間|份|种|種|双|雙|对|對|层|層|岁|歲|年(?!级)|周|週|小时|小時|分钟|分鐘|秒|"
    "公里|千米|米|厘米|公斤|千克|克|斤|吨|噸|升|元|美元|欧元|英镑|日元|点|點|倍|百|千|万|萬|亿|億|把|首|部|篇|颗|顆|棵|匹|头|頭|瓶|包|箱|袋|碗|片|"
    "根|支|枝|门|門|句|段|页|頁|步|口|套|场|場|届(?!会)|寸|尺|里|亩|畝|平方|立方|星期|个月|刻|遍|趟|顿|頓|人|样|樣|者|国|國|党|股|排|队|隊|代(?!码)"
)
_LIANG = re.compile(f"(?:{_COUNTERS})")


class Chinese(Grammar):
    """Mandarin: 两 before counters, years digit by digit, 幺 for one in telephone numbers."""

    tag = "zh"
    locale = "zh"
    region = "CN"
    number_format = NumberFormat(decimal=".", group=",")
    date_order = "YMD"
    spaced = False
    space = ""
    pause = "，"
    ratio, sharp = "比", "井"
    digit_names = tuple("零一二三四五六七八九")
    phone_digits = tuple("零幺二三四五六七八九")
    minus, plus, point, percent_word, per, to = "负", "正", "点", "百分之", "每", "到"
    number_sign, version_point = "第", "点"
    yen_code = "CNY"
    dollar_code = "USD"
    currencies = coins("""
        CNY 元, 元
        USD 美元, 美元
        EUR 欧元, 欧元
        GBP 英镑, 英镑
        JPY 日元, 日元
        INR 卢比, 卢比
        BRL 雷亚尔, 雷亚尔
        CHF 瑞士法郎, 瑞士法郎
        HKD 港元, 港元
        TWD 新台币, 新台币
        KRW 韩元, 韩元
        RUB 卢布, 卢布
        BTC 比特币, 比特币
    """)
    symbols = words("""
        & 和; @ 艾特; % 百分号; ‰ 千分之; + 加; = 等于; < 小于; > 大于; ± 正负; × 乘; ÷ 除以; − 减; ≈ 约等于; ≠ 不等于
        ≤ 小于等于; ≥ 大于等于; √ 根号; ∞ 无穷大; ∑ 求和; ∏ 求积; ∫ 积分; ∂ 偏导; ∈ 属于; ∩ 交; ∪ 并; ° 度
        ℃ 摄氏度; ℉ 华氏度
        § 节; ¶ 段; © 版权所有; / 斜杠; \\ 反斜杠; # 井号; ^ 的次方; * 乘; № 第; ¢ 美分; ~ 到; ∅ 空集; ¬ 非
    """)
    web = words(
        ". 点;/ 斜杠;: 冒号;@ 艾特;- 横杠;_ 下划线;? 问号;= 等于;& 和;# 井号;~ 波浪号;+ 加号;% 百分号;www W W W"
    )
    greek = words(
        "α 阿尔法;β 贝塔;γ 伽马;δ 德尔塔;ε 艾普西隆;ζ 泽塔;η 伊塔;θ 西塔;ι 约塔;κ 卡帕;λ 兰姆达;μ 缪;ν 纽;ξ 克西;"
        "ο 奥密克戎;π 派;ρ 柔;"
        "σ 西格玛;ς 西格玛;τ 陶;υ 宇普西隆;φ 斐;χ 希;ψ 普西;ω 欧米伽"
    )
    number_abbreviations = words("No. 第;no. 第;Vol. 第;vol. 第")
    scales = words("千 千;万 万;亿 亿;百万 百万;千万 千万;萬 万;億 亿")
    units: ClassVar = {
        "duration-second": ("秒", "秒"),
        "temperature-celsius": ("摄氏度", "摄氏度"),
        "temperature-generic": ("度", "度"),
        "decibel": ("分贝", "分贝"),
        "frame": ("帧", "帧"),
        "revolution": ("转", "转"),
        "beat": ("拍", "拍"),
        "mass-kilogram": ("公斤", "公斤"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        spoken = chinese(value)
        return re.sub("^二(?=[百千万亿兆])", "两", spoken)

    def counted(self, value: int) -> str:
        """``value`` before a counter: 两 for a lone two."""
        return "两" if value == 2 else self.cardinal(value)

    def ordinal(self, value: int, form: str = "m") -> str:
        return f"第{chinese(value)}"

    def percent(self, number: Number) -> str:
        sign = {"-": "负", "+": "正", "": ""}[number.sign]
        plain = Number(number.integer, number.fraction, "", number.grouped)
        spoken = chinese(number.value) if not number.fraction and not number.is_identifier else self.number(plain)
        return f"{sign}百分之{spoken}"

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{chinese(denominator)}分之{chinese(numerator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        return f"{chinese(whole)}又{self.fraction(numerator, denominator)}"

    def power(self, exponent: int) -> str:
        return {2: "的平方", 3: "的立方"}.get(exponent, f"的{'负' if exponent < 0 else ''}{chinese(abs(exponent))}次方")

    def year(self, value: int) -> str:
        return self.digits(str(value))

    def unit_patterns(self, unit: str, plural: bool) -> str:
        return super().unit_patterns(unit, plural).replace(" ", "")

    def measure(self, number: Number, unit: str, per: str = "") -> str:
        spoken = super().measure(number, unit, per)
        return re.sub("二(?!十)", "两", spoken, count=1) if (number.integer, number.fraction) == ("2", "") else spoken

    def compound_unit(self, spoken: str, per: str) -> str:
        return f"每{per}{spoken}"

    def money(self, number: Number, code: str, scale: str = "") -> str:
        name = self.coin(code).many
        if scale:
            whole = "两" if (number.integer, number.fraction, number.sign) == ("2", "", "") else self.number(number)
            return f"{whole}{scale}{name}"
        if code == "CNY" and 0 < len(number.fraction) <= 2 and number.fraction.strip("0") and not number.is_identifier:
            return self._yuan(number)
        if number.fraction and not number.fraction.strip("0"):
            number = Number(number.integer, "", number.sign, number.grouped)
        whole = self.number(number)
        return ("两" if whole == "二" else whole) + name

    def _yuan(self, number: Number) -> str:
        jiao, fen = int(number.fraction[0]), int(number.fraction[1:] or 0)
        sign = {"-": "负", "+": "正", "": ""}[number.sign]
        whole = f"{self.counted(number.value)}元" if number.value else ""
        parts = f"{self.counted(jiao)}角" if jiao else "零" if whole and fen else ""
        return sign + whole + parts + (f"{self.counted(fen)}分" if fen else "")

    def coins_and_cents(self, number: Number, coin: Coin) -> str:
        return f"{self.number(number)}{coin.many}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{chinese(month)}月{chinese(day)}日"
        return spoken if year is None else f"{self.year(year)}年{spoken}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        prefix = {"a": "上午", "p": "下午", "": ""}[meridiem]
        spoken = f"{prefix}{self.counted(hour)}点"
        if minute or second is not None:
            spoken += f"{'零' if 0 < minute < 10 else ''}{chinese(minute)}分"
        elif not prefix:
            spoken += "整"
        return spoken if second is None else f"{spoken}{'零' if 0 < second < 10 else ''}{chinese(second)}秒"

    def special_number(self, text: str, start: int, end: int, number: Number) -> tuple[int, str] | None:
        if number.sign or number.fraction or number.is_identifier:
            return None
        if (
            text[end : end + 1] == "年"
            and len(number.integer) == 4
            and not number.grouped
            and 1100 <= number.value < 2100
        ):
            return end, self.digits(number.integer)
        if text[start - 1 : start] in ("第", "初", "周"):
            return end, chinese(number.value)
        if number.value == 2 and _LIANG.match(text, end):
            return end, "两"
        return None

    def phone_groups(self, digits: str) -> Sequence[str]:
        return [digits[:3], digits[3:7], digits[7:]]

    def phone(self, groups: Sequence[str], international: bool = False) -> str:
        return ("加" if international else "") + "，".join(self.phone_group(g) for g in groups)

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        return chinese(value) if re.fullmatch(r"[IVX]{2,}", numeral) else ""
