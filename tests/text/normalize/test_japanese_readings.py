"""Numerals are left to Open JTalk as numerals: what it makes of them is the reading a Japanese would give."""

from __future__ import annotations

import pyopenjtalk
import pytest

from tts_models.text.normalize import normalize


@pytest.mark.parametrize(
    ("written", "kana"),
    [
        ("3本と6匹", "サンボントロッピキ"),
        ("2024年4月20日", "ニセンニジューヨネンシガツハツカ"),
        ("1月1日", "イチガツツイタチ"),
        ("9:10", "クジジュップン"),
        ("1人と2人と4人", "ヒトリトフタリトヨニン"),
        ("¥3,600", "サンゼンロッピャクエン"),
        ("0.5", "レーテンゴ"),
        ("10%", "ジュッパーセント"),
        ("03-1234-5678", "ゼロサンイチニーサンヨンゴーロクナナハチ"),
        ("Ver.2.0", "バージョンニテンゼロ"),
        ("13:05:30", "ジューサンジゴフンサンジュービョー"),
        ("3:2", "サンタイニ"),
        ("10000000円", "イッセンマンエン"),
        ("1/3", "サンブンノイチ"),
        ("8杯と10km", "ハッパイトジュッキロメートル"),
    ],
)
def test_counters_dates_and_prices(written: str, kana: str) -> None:
    assert pyopenjtalk.g2p(normalize(written, "ja"), kana=True).replace("、", "").startswith(kana)
