"""Italian."""

from __future__ import annotations

import re
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.lexicon import coins, names, word_set, words
from tts_models.text.normalize.number import Number, NumberFormat

_FEMININE = word_set(
    "notte volta parte legge rete chiave torre gente fonte luce voce croce foto moto radio auto nube carne mano "
    "base fase "
    "frase classe serie specie specie mente neve nave arte morte madre moglie stagione"
)
_MASCULINE = word_set(
    "problema sistema programma tema clima pianeta poema dramma schema sintomo cinema pigiama panorama diploma "
    "chilogramma grammo collega artista turista"
)
_NOUN = re.compile(r" ([a-zà-ù]+)")
_IMPURE = re.compile(r"s[^aeiouàèéìòù]|z|gn|ps|pn|x|y|i[aeiou]")
"""Beginnings of masculine nouns that take *uno*."""
_QUEENS = word_set("Elisabetta Maria Caterina Isabella Vittoria Margherita Cristina Cleopatra Giovanna")


class Italian(Grammar):
    """Italian."""

    tag = "it"
    locale = "it"
    num2words_language = "it"
    region = "IT"
    number_format = NumberFormat(decimal=",", group=".")
    date_order = "DMY"
    dotted_dates = True
    clock_separators = ":.h"
    ratio, sharp = "a", "diesis"
    digit_names = names("zero uno due tre quattro cinque sei sette otto nove")
    letter_names = words(
        "a a;b bi;c ci;d di;e e;f effe;g gi;h acca;i i;j i lunga;k cappa;l elle;m emme;n enne;o o;p pi;q cu;r erre;"
        "s esse;"
        "t ti;u u;v vu;w doppia vu;x ics;y ipsilon;z zeta"
    )
    minus, plus, point, percent_word, per, to, of = "meno", "più", "virgola", "per cento", "al", "a", "di"
    read_fraction_as_number = 2
    number_sign, and_coins, version_point = "numero", "e", "punto"
    currencies = coins("""
        EUR euro, euro, centesimo, centesimi
        USD dollaro, dollari, centesimo, centesimi
        GBP sterlina, sterline, penny, pence
        JPY yen, yen
        CNY yuan, yuan
        INR rupia, rupie, paisa, paise
        BRL real, real, centavo, centavos
        CHF franco svizzero, franchi svizzeri, centesimo, centesimi
        KRW won, won
        RUB rublo, rubli, copeco, copechi
        BTC bitcoin, bitcoin
    """)
    symbols = words("""
        & e; @ chiocciola; % per cento; ‰ per mille; + più; = uguale; < minore di; > maggiore di; ± più o meno; × per
        ÷ diviso; − meno; ≈ circa; ≠ diverso da; ≤ minore o uguale a; ≥ maggiore o uguale a; √ radice quadrata di
        ∞ infinito; ∑ somma; ∏ prodotto; ∫ integrale; ∂ derivata parziale; ∈ appartiene a; ∩ intersezione; ∪ unione
        ° gradi; ℃ gradi Celsius; ℉ gradi Fahrenheit; § paragrafo; ¶ paragrafo; © copyright; / barra
        \\ barra rovesciata; # hashtag; ^ alla; * per; № numero; ¢ centesimi; ~ circa; ∅ insieme vuoto; ¬ non; º gradi
    """)
    web = words(
        ". punto;/ barra;: due punti;@ chiocciola;- trattino;_ trattino basso;? punto interrogativo;= uguale;& e;"
        "# cancelletto;~ tilde;+ più;% per cento;www vu vu vu"
    )
    greek = Grammar.greek | words("α alfa;θ teta;κ cappa;λ lambda;μ mi;ν ni;φ fi;χ chi;ξ csi;ρ ro;υ ipsilon;β beta")
    abbreviations = words("""
        Sig. signor; Sig.ra signora; Sig.na signorina; sig. signor; sig.ra signora; Dott. dottor; Dott.ssa dottoressa
        dott. dottor; dott.ssa dottoressa; Dr. dottor; Prof. professor; Prof.ssa professoressa; prof. professor
        Ing. ingegner
        Avv. avvocato; Arch. architetto; Geom. geometra; ecc. eccetera; etc. eccetera; es. esempio; p.es. per esempio
        a.C. avanti Cristo; d.C. dopo Cristo; S.p.A. società per azioni; S.r.l. società a responsabilità limitata
        tel. telefono; Tel. telefono; ca. circa; vs. contro; S. san; V.le viale; P.zza piazza; C.so corso; on. onorevole
        On. onorevole; Gen. generale; Col. colonnello; Cap. capitano; Spett. spettabile; St. santo
    """)
    number_abbreviations = words(
        "n. numero;N. numero;n° numero;N° numero;nº numero;Nº numero;nr. numero;pag. pagina;pagg. pagine;p. pagina;"
        "pp. pagine;art. articolo;Art. articolo;cap. capitolo;Cap. capitolo;vol. volume;Vol. volume;fig. figura;"
        "Fig. figura"
    )
    closing_abbreviations = frozenset({"S.p.A.", "S.r.l."})
    roman_suffixes: ClassVar = words("º m;° m;ª f")
    ordinal_suffixes: ClassVar = words("º m;ª f;.º m;.ª f;o m;a f;mo m;ma f;esimo m;esima f")
    article_before = r"(?:\b(?:il|lo|la|al|alla|del|della|nel|nella|sul|dal|i|le)|l')"
    ordinal_nouns = word_set(
        "guerra secolo congresso edizione repubblica dinastia legislatura canto libro capitolo anniversario giornata "
        "piano posto anno livello turno trimestre"
    )
    scales = words(
        "mila mila;milioni milioni;milione milione;miliardi miliardi;miliardo miliardo;mln milioni;mld miliardi;"
        "M milioni"
    )
    unit_words = frozenset({"mi", "s", "ha", "t", "l", "cal"})
    function_words = word_set(
        "di del dello della dei degli delle e o a al allo alla ai agli alle in nel nella per che è il lo la i gli "
        "le un una "
        "con senza più meno si da dal dalla ma né su suo sua come quando fino era fu sono già non ha mi ti ci vi"
    )
    chapter_words = word_set(
        "numero secolo secoli pagina capitolo tomo volume parte atto scena libro guerra mondiale articolo titolo "
        "sezione fase tipo "
        "allegato figura tabella livello gruppo grado congresso edizione tappa dinastia"
    )

    units: ClassVar = {
        "temperature-generic": ("grado", "gradi"),
        "decibel": ("decibel", "decibel"),
        "frame": ("fotogramma", "fotogrammi"),
        "revolution": ("giro", "giri"),
        "beat": ("battito", "battiti"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        if value == 1 and gender:
            return {"m": "un", "f": "una"}[gender]
        spoken = super().cardinal(value).replace("dicotto", "diciotto")  # num2words: *centodicotto*
        return re.sub(r"tre$", "tré", spoken) if len(spoken) > 4 and spoken.endswith("tre") else spoken

    def ordinal(self, value: int, form: str = "m") -> str:
        spoken = super().ordinal(value).replace("dicott", "diciott").replace("diecesimo", "decimo")
        return re.sub(r"o\b", "a", spoken) if form == "f" else spoken

    def gender_of(self, noun: str) -> Gender | None:
        noun = noun.lower()
        if noun in _MASCULINE:
            return "m"
        if noun in _FEMININE or re.search(r"(a|zione|sione|gione|tà|tù)$", noun):
            return "f"
        return "m" if noun else None

    def special_number(self, text: str, start: int, end: int, number: Number) -> tuple[int, str] | None:
        following = _NOUN.match(text, end) if number.is_one and not number.sign else None
        if not following or not (gender := self.counted_gender(number, following[1])):
            return None
        if gender == "f" and following[1][0] in "aeiou":
            return end + 1, "un'"
        return (end, "uno") if gender == "m" and _IMPURE.match(following[1]) else None

    def fraction(self, numerator: int, denominator: int) -> str:
        one = "mezzo" if denominator == 2 else self.ordinal(denominator)
        many = one[:-1] + "i"
        return f"{'un' if numerator == 1 else self.cardinal(numerator)} {one if numerator == 1 else many}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        part = "mezzo" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole)} e {part}"

    def power(self, exponent: int) -> str:
        if exponent in (2, 3):
            return {2: "al quadrato", 3: "al cubo"}[exponent]
        return f"alla {'meno ' if exponent < 0 else ''}{self.cardinal(abs(exponent))}"

    def compound_unit(self, spoken: str, per: str) -> str:
        article = "all'" if per[:1] in "aeiou" else "alla " if self.gender_of(per.split(" ")[0]) == "f" else "al "
        return f"{spoken} {article}{per}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{'primo' if day == 1 else self.cardinal(day)} {self.month(month)}"
        return spoken if year is None else f"{spoken} {self.year(year)}"

    def named_date(self, year: int | None, month: int, day: int, before: str, day_first: bool) -> str:
        spoken = self.date(year, month, day)
        return spoken.replace("primo", "uno", 1) if before.endswith(("l'", "l’")) and day == 1 else spoken

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        suffix = {"a": " di mattina", "p": " del pomeriggio" if hour % 12 < 6 else " di sera", "": ""}[meridiem]
        spoken = self.cardinal(hour, "f")
        if second is not None:
            hours = "un'ora" if hour == 1 else f"{spoken} ore"
            minutes = "un minuto" if minute == 1 else f"{self.cardinal(minute)} minuti"
            seconds = "un secondo" if second == 1 else f"{self.cardinal(second)} secondi"
            return f"{hours}, {minutes} e {seconds}{suffix}"
        if minute == 0:
            return spoken + suffix
        return f"{spoken} e {'zero ' if minute < 10 else ''}{self.cardinal(minute)}{suffix}"

    def clock_cue(self, before: str) -> bool:
        return bool(re.search(r"\b(?:ore|alle|dalle|all'|le|h)\s*$", before, re.IGNORECASE))

    def scale_word(self, written: str, number: Number) -> str:
        word = self.scales[written]
        return {"milioni": "milione", "miliardi": "miliardo"}.get(word, word) if number.is_one else word

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        if previous.lower() in self.chapter_words:
            return self.ordinal(value, "f" if self.gender_of(previous) == "f" else "m")
        if not previous[:1].isupper() or not set(numeral) <= set("IVX"):
            return ""
        if len(numeral) == 1 and previous not in _REGNAL:
            return ""
        return self.ordinal(value, "f" if previous in _QUEENS else "m") if previous in _REGNAL else self.cardinal(value)


_REGNAL = _QUEENS | word_set(
    "Luigi Carlo Enrico Francesco Filippo Napoleone Giovanni Paolo Pio Benedetto Leone Gregorio Innocenzo Clemente "
    "Alessandro Nicola Giorgio Edoardo Guglielmo Giacomo Riccardo Federico Ferdinando Alfonso Umberto Emanuele Amedeo "
    "Ramses Tolomeo Leopoldo Alberto Gustavo Sisto Giulio Urbano Bonifacio Celestino Ottone Pietro"
)
