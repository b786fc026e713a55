"""Hindi."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.lexicon import coins, names, words
from tts_models.text.normalize.number import Number, NumberFormat

_BELOW_HUNDRED = names(
    "शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस बीस इक्कीस बाईस तेईस चौबीस "
    "पच्चीस छब्बीस "
    "सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस चालीस इकतालीस बयालीस तैंतालीस चौवालीस "
    "पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरेपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ साठ इकसठ बासठ तिरेसठ "
    "चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उनासी अस्सी इक्यासी "
    "बयासी "
    "तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे"
)
_SCALES = (
    (10**13, "नील"),
    (10**11, "खरब"),
    (10**9, "अरब"),
    (10**7, "करोड़"),
    (10**5, "लाख"),
    (10**3, "हज़ार"),
    (100, "सौ"),
)
_ORDINALS = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
_ENDINGS = {"m": ("ा", "वाँ"), "f": ("ी", "वीं"), "oblique": ("े", "वें")}


class Hindi(Grammar):
    """Hindi, counting in lakhs and crores; digits in either script."""

    tag = "hi"
    locale = "hi"
    region = "IN"
    number_format = NumberFormat(decimal=".", group=",", indian=True)
    date_order = "DMY"
    dotted_dates = True
    ratio, sharp = "अनुपात", "शार्प"
    digit_names = _BELOW_HUNDRED[:10]
    letter_names = words(
        "a ए;b बी;c सी;d डी;e ई;f एफ़;g जी;h एच;i आई;j जे;k के;l एल;m एम;n एन;o ओ;p पी;q क्यू;r आर;s एस;t टी;u यू;v वी;"
        "w डब्ल्यू;"
        "x एक्स;y वाई;z ज़ेड"
    )
    minus, plus, point, percent_word, per, to = "माइनस", "प्लस", "दशमलव", "प्रतिशत", "प्रति", "से"
    number_sign, version_point = "नंबर", "पॉइंट"
    currencies = coins("""
        INR रुपया, रुपये, पैसा, पैसे
        USD डॉलर, डॉलर, सेंट, सेंट
        EUR यूरो, यूरो, सेंट, सेंट
        GBP पाउंड, पाउंड, पेंस, पेंस
        JPY येन, येन
        CNY युआन, युआन
        BRL रियाल, रियाल, सेंटावो, सेंटावो
        CHF स्विस फ़्रैंक, स्विस फ़्रैंक, सेंटीम, सेंटीम
        BTC बिटकॉइन, बिटकॉइन
    """)
    symbols = words("""
        & और; @ ऐट; % प्रतिशत; ‰ प्रति हज़ार; + प्लस; = बराबर; < से कम; > से ज़्यादा; ± प्लस माइनस; × गुणा; ÷ भाग; − माइनस
        ≈ लगभग बराबर; ≠ बराबर नहीं; ≤ से कम या बराबर; ≥ से ज़्यादा या बराबर; √ वर्गमूल; ∞ अनंत; ∑ योग; ∏ गुणनफल
        ∫ समाकलन; ∂ आंशिक अवकलज; ∈ में; ∩ सर्वनिष्ठ; ∪ संघ; ° डिग्री; ℃ डिग्री सेल्सियस; ℉ डिग्री फ़ारेनहाइट; § धारा; ¶ अनुच्छेद
        © कॉपीराइट; / स्लैश; \\ बैकस्लैश; # हैशटैग; ^ की घात; * गुणा; № नंबर; ¢ सेंट; ~ लगभग; ∅ रिक्त समुच्चय; ¬ नहीं
    """)
    web = words(
        ". डॉट;/ स्लैश;: कोलन;@ ऐट द रेट;- डैश;_ अंडरस्कोर;? प्रश्नचिह्न;= बराबर;& ऐंड;# हैश;~ टिल्ड;+ प्लस;% प्रतिशत;"
        "www डब्ल्यू डब्ल्यू डब्ल्यू;com कॉम;org ऑर्ग;net नेट;in इन"
    )
    greek = words(
        "α अल्फ़ा;β बीटा;γ गामा;δ डेल्टा;ε एप्सिलॉन;ζ ज़ीटा;η ईटा;θ थीटा;ι आयोटा;κ कप्पा;λ लैम्ब्डा;μ म्यू;ν न्यू;ξ ज़ाई;ο ओमिक्रॉन;"
        "π पाई;"
        "ρ रो;σ सिग्मा;ς सिग्मा;τ टाउ;υ उप्सिलॉन;φ फ़ाई;χ काई;ψ साई;ω ओमेगा"
    )
    abbreviations = words("""
        डॉ. डॉक्टर; श्री. श्री; प्रो. प्रोफ़ेसर; कु. कुमारी; पं. पंडित; स्व. स्वर्गीय; सं. संख्या; इ. इत्यादि; ई. ईस्वी
        कि.मी. किलोमीटर; किमी किलोमीटर; किग्रा किलोग्राम; सेमी सेंटीमीटर; मिमी मिलीमीटर; कि.ग्रा. किलोग्राम
        से.मी. सेंटीमीटर; मि.मी. मिलीमीटर; रु. रुपये; उ.प्र. उत्तर प्रदेश; म.प्र. मध्य प्रदेश; ई.पू. ईसा पूर्व; Dr. डॉक्टर
        Mr. मिस्टर; Mrs. मिसेज़
    """)
    number_abbreviations = words("नं. नंबर;क्र. क्रमांक;पृ. पृष्ठ;No. नंबर")
    ordinal_suffixes: ClassVar = words(
        "वां m;वाँ m;वीं f;वें oblique;वा m;वी f;वे oblique;ला m;ली f;ले oblique;रा m;री f;रे oblique;था m;थी f;थे oblique;"
        "ठा m;ठी f;ठे oblique;th m;st m;nd m;rd m"
    )
    scales = words("हज़ार हज़ार;हजार हज़ार;लाख लाख;करोड़ करोड़;अरब अरब;खरब खरब;मिलियन मिलियन;बिलियन बिलियन")
    units: ClassVar = {
        "length-mile": ("मील", "मील"),
        "mass-pound": ("पाउंड", "पाउंड"),
        "length-foot": ("फ़ुट", "फ़ुट"),
        "length-inch": ("इंच", "इंच"),
        "temperature-generic": ("डिग्री", "डिग्री"),
        "decibel": ("डेसिबल", "डेसिबल"),
        "frame": ("फ़्रेम", "फ़्रेम"),
        "revolution": ("चक्कर", "चक्कर"),
        "beat": ("धड़कन", "धड़कन"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        return "सौ" if value == 100 else self._cardinal(value)

    def _cardinal(self, value: int) -> str:
        if value < 100:
            return _BELOW_HUNDRED[value]
        scale, name = next(s for s in _SCALES if value >= s[0])
        head, rest = divmod(value, scale)
        return f"{self._cardinal(head)} {name}" + (f" {self._cardinal(rest)}" if rest else "")

    def ordinal(self, value: int, form: str = "m") -> str:
        special, regular = _ENDINGS[form]
        return _ORDINALS[value] + special if value in _ORDINALS else self.cardinal(value) + regular

    def year(self, value: int) -> str:
        if 1100 <= value < 2000:
            rest = f" {self.cardinal(value % 100)}" if value % 100 else ""
            return f"{self.cardinal(value // 100)} सौ{rest}"
        return self.cardinal(value)

    def fraction(self, numerator: int, denominator: int) -> str:
        named = {(1, 2): "आधा", (1, 4): "एक चौथाई", (3, 4): "तीन चौथाई", (1, 3): "एक तिहाई", (2, 3): "दो तिहाई"}
        return named.get((numerator, denominator)) or f"{self.cardinal(numerator)} बटा {self.cardinal(denominator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return {1: "डेढ़", 2: "ढाई"}.get(whole, f"साढ़े {self.cardinal(whole)}")
        if (numerator, denominator) == (1, 4) and whole > 1:
            return f"सवा {self.cardinal(whole)}"
        return f"{self.cardinal(whole)} सही {self.fraction(numerator, denominator)}"

    def power(self, exponent: int) -> str:
        if exponent in (2, 3):
            return {2: "का वर्ग", 3: "का घन"}[exponent]
        return f"की घात {'माइनस ' if exponent < 0 else ''}{self.cardinal(abs(exponent))}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{self.cardinal(day)} {self.month(month)}"
        return spoken if year is None else f"{spoken} {self.year(year)}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        prefix = {"a": "सुबह ", "p": "दोपहर " if hour % 12 < 4 else "शाम " if hour < 8 else "रात ", "": ""}[meridiem]
        if second is not None:
            return f"{prefix}{self.cardinal(hour)} बजकर {self.cardinal(minute)} मिनट {self.cardinal(second)} सेकंड"
        if minute == 0:
            return f"{prefix}{self.cardinal(hour)} बजे"
        return f"{prefix}{self.cardinal(hour)} बजकर {self.cardinal(minute)} मिनट"

    def after_clock(self, text: str, end: int) -> int:
        match = re.compile(r" ?बजे").match(text, end)
        return match.end() if match else end

    def phone_groups(self, digits: str) -> Sequence[str]:
        return [digits[:-5], digits[-5:]]

    def special_number(self, text: str, start: int, end: int, number: Number) -> tuple[int, str] | None:
        if (
            number.grouped
            or number.fraction
            or number.sign
            or len(number.integer) != 4
            or not 1100 <= number.value < 2000
        ):
            return None
        year_before = re.search(
            r"(?:सन्?|वर्ष|साल|ईस्वी|ई\.|[,\-–(]|" + "|".join(map(self.month, range(1, 13))) + r")\s?$", text[:start][-16:]
        )
        year_after = re.compile(r"[ ]?(?:में|से|तक|ई\.|ईस्वी|के दशक|की क्रांति|[)–-])").match(text, end)
        return (end, self.year(number.value)) if year_before or year_after else None
