"""Japanese.

Numbers become Chinese numerals, not kana: the G2P (Open JTalk) knows the sound changes between numeral and counter
(三本 *sanbon*, 二十日 *hatsuka*) and needs to see both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.grammars.myriad import DIGITS, japanese
from tts_models.text.normalize.lexicon import Coin, coins, names, words
from tts_models.text.normalize.number import Number, NumberFormat

_POSTCODE = re.compile(r"(\d{3})[-‐−ー](\d{4})")


class Japanese(Grammar):
    """Japanese."""

    tag = "ja"
    locale = "ja"
    region = "JP"
    number_format = NumberFormat(decimal=".", group=",")
    date_order = "YMD"
    spaced = False
    space = ""
    pause = "、"
    ratio, sharp = "タイ", "シャープ"
    digit_names = names(
        "ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー"
    )  # 二〇 alone would be read *nimaru*, 二四 *nijūyon*
    letter_names = words(
        "a エー;b ビー;c シー;d ディー;e イー;f エフ;g ジー;h エイチ;i アイ;j ジェー;k ケー;l エル;m エム;n エヌ;"
        "o オー;p ピー;q キュー;"
        "r アール;s エス;t ティー;u ユー;v ブイ;w ダブリュー;x エックス;y ワイ;z ゼット"
    )
    minus, plus, point, percent_word, per, to = "マイナス", "プラス", "点", "パーセント", "毎", "から"
    number_sign, version_point = "ナンバー", "点"
    currencies = coins("""
        JPY 円, 円
        USD ドル, ドル, セント, セント
        EUR ユーロ, ユーロ, セント, セント
        GBP ポンド, ポンド, ペンス, ペンス
        CNY 元, 元
        INR ルピー, ルピー
        BRL レアル, レアル
        CHF スイスフラン, スイスフラン
        KRW ウォン, ウォン
        BTC ビットコイン, ビットコイン
    """)
    symbols = words("""
        & アンド; @ アットマーク; % パーセント; ‰ パーミル; + プラス; = イコール; < 小なり; > 大なり
        ± プラスマイナス; × かける
        ÷ 割る; − マイナス; ≈ ほぼ等しい; ≠ ノットイコール; ≤ 以下; ≥ 以上; √ ルート; ∞ 無限大; ∑ シグマ; ∏ 総乗
        ∫ インテグラル
        ∂ ラウンド; ∈ 属する; ∩ かつ; ∪ または; ° 度; ℃ 度; ℉ 華氏; § セクション; ¶ 段落; © コピーライト; / スラッシュ
        \\ バックスラッシュ; # ハッシュタグ; ^ 乗; * かける; № ナンバー; ¢ セント; ~ から; 〒 郵便番号; ∅ 空集合; ¬ 否定
        〆 しめ; 〃 同じく
    """)
    web = words(
        ". ドット;/ スラッシュ;: コロン;@ アットマーク;- ハイフン;_ アンダーバー;? クエスチョン;= イコール;& アンド;"
        "# シャープ;~ チルダ;"
        "+ プラス;% パーセント;www ダブリューダブリューダブリュー;com コム;net ネット;org オーグ;co シーオー;"
        "jp ジェーピー"
    )
    greek = words(
        "α アルファ;β ベータ;γ ガンマ;δ デルタ;ε イプシロン;ζ ゼータ;η イータ;θ シータ;ι イオタ;κ カッパ;λ ラムダ;"
        "μ ミュー;ν ニュー;"
        "ξ クサイ;ο オミクロン;π パイ;ρ ロー;σ シグマ;ς シグマ;τ タウ;υ ウプシロン;φ ファイ;χ カイ;ψ プサイ;ω オメガ"
    )
    number_abbreviations = words(
        "No. ナンバー;no. ナンバー;Vol. ボリューム;vol. ボリューム;Ver. バージョン;ver. バージョン;p. ページ"
    )
    scales = words("千 千;万 万;億 億;兆 兆;百万 百万;千万 千万")
    last_hour = 29  # late-night programmes start at 25時
    units: ClassVar = {
        "temperature-celsius": ("度", "度"),
        "temperature-generic": ("度", "度"),
        "decibel": ("デシベル", "デシベル"),
        "frame": ("フレーム", "フレーム"),
        "revolution": ("回転", "回転"),
        "beat": ("拍", "拍"),
        "mass-kilogram": ("キログラム", "キログラム"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        return japanese(value)

    def fraction_digits(self, digits: str) -> str:
        return self.digits(digits) if "0" in digits else "".join(DIGITS[int(d)] for d in digits)

    def ordinal(self, value: int, form: str = "m") -> str:
        return f"{japanese(value)}番目"

    def percent(self, number: Number) -> str:
        return f"{self.number(number)}パーセント"

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{japanese(denominator)}分の{japanese(numerator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        return f"{japanese(whole)}と{self.fraction(numerator, denominator)}"

    def power(self, exponent: int) -> str:
        return f"の{'マイナス' if exponent < 0 else ''}{japanese(abs(exponent))}乗"

    def unit_patterns(self, unit: str, plural: bool) -> str:
        return super().unit_patterns(unit, plural).replace(" ", "")

    def compound_unit(self, spoken: str, per: str) -> str:
        return f"{per}あたり{spoken}"

    def money(self, number: Number, code: str, scale: str = "") -> str:
        if scale:
            return f"{self.number(number)}{scale}{self.coin(code).many}"
        return super().money(number, code).replace(" ", "")

    def coins_and_cents(self, number: Number, coin: Coin) -> str:
        return super().coins_and_cents(number, coin).replace(" ", "")

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{japanese(month)}月{japanese(day)}日"
        return spoken if year is None else f"{japanese(year)}年{spoken}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        prefix = {"a": "午前", "p": "午後", "": ""}[meridiem]
        spoken = f"{prefix}{japanese(hour)}時" + (f"{japanese(minute)}分" if minute or second is not None else "")
        return spoken if second is None else f"{spoken}、{japanese(second)}秒"

    def phone(self, groups: Sequence[str], international: bool = False) -> str:
        return ("プラス" if international else "") + "、".join(self.digits(g) for g in groups)

    def hyphenated(self, groups: Sequence[str]) -> str:
        if all(len(group) <= 3 and not group.startswith("0") for group in groups):
            return "の".join(japanese(int(group)) for group in groups)  # a street address
        return super().hyphenated(groups)

    def special_number(self, text: str, start: int, end: int, number: Number) -> tuple[int, str] | None:
        postcode = _POSTCODE.match(text, start) if "〒" in text[max(0, start - 2) : start] else None
        return (postcode.end(), f"{self.digits(postcode[1])}の{self.digits(postcode[2])}") if postcode else None

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        return japanese(value) if re.fullmatch(r"[IVX]{2,}", numeral) else ""
