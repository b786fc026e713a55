"""Spanish."""

from __future__ import annotations

import re
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.lexicon import coins, names, word_set, words
from tts_models.text.normalize.number import Number, NumberFormat

_FEMININE = word_set(
    "noche noches tarde tardes mano manos vez veces ley leyes red redes parte partes clase clases llave llaves calle "
    "calles torre torres mujer mujeres flor flores imagen imágenes serie series especie especies base bases fase fases "
    "frase frases sede sedes nave naves gente fuente fuentes sal sales piel pieles luz luces voz voces cruz cruces "
    "foto "
    "fotos moto motos radio radios nube nubes carne carnes sangre orden órdenes señal señales hectáreas"
)
_MASCULINE = word_set(
    "día días dálmatas problema problemas sistema sistemas programa programas tema temas mapa mapas planeta "
    "planetas idioma "
    "idiomas poema poemas clima climas sofá sofás turista turistas kilogramas esquema esquemas cometa drama dramas "
    "fantasma fantasmas aroma aromas síntoma síntomas teorema teoremas yoga gorila gorilas pijama pijamas"
)
_ORDINALS = names("primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo")
_FRACTIONS = {2: ("medio", "medios"), 3: ("tercio", "tercios")}


class Spanish(Grammar):
    """Spanish as in Spain: decimal comma, day before month, the 24-hour clock."""

    tag = "es"
    locale = "es"
    num2words_language = "es"
    region = "ES"
    number_format = NumberFormat(decimal=",", group=".", spaces=True)
    date_order = "DMY"
    dotted_dates = True
    clock_separators = ":h"
    ratio, sharp = "a", "sostenido"
    digit_names = names("cero uno dos tres cuatro cinco seis siete ocho nueve")
    letter_names = words(
        "a a;b be;c ce;d de;e e;f efe;g ge;h hache;i i;j jota;k ka;l ele;m eme;n ene;o o;p pe;q cu;r erre;s ese;"
        "t te;u u;"
        "v uve;w uve doble;x equis;y i griega;z zeta;ñ eñe"
    )
    minus, plus, point, percent_word, per, to, of = "menos", "más", "coma", "por ciento", "por", "a", "de"
    read_fraction_as_number = 2
    number_sign, and_coins, version_point, month_link = "número", "con", "punto", "del?"
    currencies = coins("""
        USD dólar, dólares, centavo, centavos
        EUR euro, euros, céntimo, céntimos
        GBP libra, libras, penique, peniques
        JPY yen, yenes
        CNY yuan, yuanes
        INR rupia, rupias, paisa, paisas
        BRL real, reales, centavo, centavos
        CHF franco suizo, francos suizos, céntimo, céntimos
        MXN peso mexicano, pesos mexicanos, centavo, centavos
        ARS peso argentino, pesos argentinos, centavo, centavos
        CLP peso chileno, pesos chilenos
        COP peso colombiano, pesos colombianos
        KRW won, wones
        RUB rublo, rublos, kopek, kopeks
        BTC bitcoin, bitcoins
    """)
    symbols = words("""
        & y; @ arroba; % por ciento; ‰ por mil; + más; = igual a; < menor que; > mayor que; ± más menos; × por
        ÷ dividido entre; − menos; ≈ aproximadamente; ≠ distinto de; ≤ menor o igual que; ≥ mayor o igual que
        √ raíz cuadrada de; ∞ infinito; ∑ suma; ∏ producto; ∫ integral; ∂ derivada parcial; ∈ pertenece a
        ∩ intersección
        ∪ unión; ° grados; ℃ grados Celsius; ℉ grados Fahrenheit; § sección; ¶ párrafo; © copyright; / barra
        \\ barra invertida; # hashtag; ^ elevado a; * por; № número; ¢ centavos; ~ aproximadamente; ∅ conjunto vacío
        ¬ no; º grados
    """)
    web = words(
        ". punto;/ barra;: dos puntos;@ arroba;- guion;_ guion bajo;? interrogación;= igual;& y;# almohadilla;"
        "~ tilde;+ más;% por ciento;www uve doble uve doble uve doble"
    )
    greek = Grammar.greek | words(
        "α alfa;θ zeta;κ kappa;λ lambda;μ mi;ν ni;ο ómicron;ρ ro;υ ípsilon;φ fi;χ ji;ε épsilon"
    )
    abbreviations = words("""
        Sr. señor; Sra. señora; Srta. señorita; Sres. señores; Dr. doctor; Dra. doctora; D. don; Dña. doña; Ud. usted
        Uds. ustedes; Vd. usted; Vds. ustedes; Prof. profesor; Profa. profesora; Ing. ingeniero; Lic. licenciado
        etc. etcétera; p._ej. por ejemplo; p.ej. por ejemplo; EE._UU. Estados Unidos; EE.UU. Estados Unidos
        EEUU Estados Unidos; a._C. antes de Cristo; a.C. antes de Cristo; d._C. después de Cristo
        d.C. después de Cristo
        Avda. avenida; Av. avenida; C/ calle; Pza. plaza; aprox. aproximadamente; tel. teléfono; Tel. teléfono
        a.m. a eme; p.m. pe eme; a._m. a eme; p._m. pe eme; Gral. general; Sto. santo; Sta. santa; vs. versus; vs versus
    """)
    number_abbreviations = words(
        "n.º número;nº número;Nº número;N.º número;n° número;N° número;núm. número;Núm. número;No. número;"
        "pág. página;págs. páginas;p. página;pp. páginas;art. artículo;Art. artículo;cap. capítulo;Cap. capítulo;"
        "vol. volumen;Vol. volumen;fig. figura;Fig. figura"
    )
    closing_abbreviations = frozenset({"EE. UU.", "EE.UU."})
    roman_suffixes: ClassVar = words("º m;° m;ª f")
    ordinal_suffixes: ClassVar = words(
        ".º m;º m;.ª f;ª f;.er short;er short;ᵉʳ short;ro m;ra f;do m;da f;to m;ta f;mo m;ma f;vo m;va f;no m;na f"
    )
    article_before = r"\b(?:el|la|del|al|los|las)"
    ordinal_nouns = word_set(
        "guerra congreso edición república dinastía legislatura cumbre aniversario feria festival semana jornada "
        "premio "
        "piso lugar puesto año grado curso trimestre"
    )
    scales = words("mil mil;millones millones;millón millón;billones billones;billón billón;M millones;MM millones")
    unit_words = frozenset({"ha", "mi", "s", "h", "cal"})
    function_words = word_set(
        "de del y e o ó u a en por que es el la los las un una con sin para más menos se al ni su sus como cuando "
        "desde "
        "hasta "
        "era fue son ya no lo le me te nos si sí sobre según entre mientras pero ha había he"
    )
    chapter_words = word_set(
        "número siglo siglos página capítulo tomo volumen parte acto escena libro guerra mundial artículo título "
        "sección fase tipo "
        "anexo cuadro figura tabla nivel grupo grado rocky congreso edición etapa dinastía"
    )

    units: ClassVar = {
        "temperature-generic": ("grado", "grados"),
        "decibel": ("decibelio", "decibelios"),
        "frame": ("fotograma", "fotogramas"),
        "revolution": ("revolución", "revoluciones"),
        "beat": ("latido", "latidos"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        spoken = super().cardinal(value)
        # num2words leaves the full form before thousands and millions: *veintiuno mil*.
        spoken = re.sub(r"veintiuno(?= mil| bill)", "veintiún", spoken)
        spoken = re.sub(r"uno(?= mil| bill)", "un", spoken)
        if gender == "m":
            spoken = re.sub(r"uno$", "un", re.sub(r"veintiuno$", "veintiún", spoken))
        elif gender == "f":
            head, millions, tail = spoken.rpartition("millones ")
            tail = re.sub(r"uno$", "una", re.sub(r"(cient|quinient)os", r"\1as", tail))
            spoken = head + millions + tail if "millones" not in tail else spoken
        return spoken

    def ordinal(self, value: int, form: str = "m") -> str:
        spoken = _ORDINALS[value - 1] if value <= len(_ORDINALS) else super().ordinal(value)
        if form == "f":
            spoken = re.sub(r"o\b", "a", spoken)
        # num2words writes *décimo tercero*, *décimoprimero* and *quadragésimo*.
        spoken = (
            re.sub(r"décim[oa] ?(?=\w)", "decimo", spoken).replace("decimooct", "decimoct").replace("quadr", "cuadr")
        )
        return re.sub(r"(primer|tercer)o$", r"\1", spoken) if form == "short" else spoken

    def ordinal_before(self, value: int, form: str, noun: str) -> str:
        short = form == "m" and noun and noun not in self.function_words and self.gender_of(noun) == "m"
        return self.ordinal(value, "short" if short else form)

    def counted_gender(self, number: Number, word: str) -> Gender | None:
        return None if word.endswith("ó") else super().counted_gender(number, word)

    def gender_of(self, noun: str) -> Gender | None:
        noun = noun.lower()
        if noun in _MASCULINE:
            return "m"
        if noun in _FEMININE or re.search(r"(as?|ción|sión|[cs]iones|[dt]ad(es)?|tud(es)?|umbres?)$", noun):
            return "f"
        return "m" if noun else None

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator in _FRACTIONS:
            one, many = _FRACTIONS[denominator]
        elif denominator <= 10:
            one = _ORDINALS[denominator - 1]
            many = one + "s"
        else:
            one = {100: "centésimo", 1000: "milésimo"}.get(denominator, _avos(self.cardinal(denominator)))
            many = one + "s"
        return f"{self.cardinal(numerator, 'm')} {one if numerator == 1 else many}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        part = "medio" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole)} y {part}"

    def power(self, exponent: int) -> str:
        if exponent in (2, 3):
            return {2: "al cuadrado", 3: "al cubo"}[exponent]
        return f"elevado a {'menos ' if exponent < 0 else ''}{self.cardinal(abs(exponent))}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{self.cardinal(day)} de {self.month(month)}"
        return spoken if year is None else f"{spoken} de {self.year(year)}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        suffix = {"a": " de la mañana", "p": " de la tarde" if hour % 12 < 9 else " de la noche", "": ""}[meridiem]
        spoken = self.cardinal(hour, "f")
        if second is not None:
            parts = [(hour, "f", "hora"), (minute, "m", "minuto"), (second, "m", "segundo")]
            a, b, c = (f"{self.cardinal(n, g)} {noun}{'' if n == 1 else 's'}" for n, g, noun in parts)  # type: ignore[arg-type]
            return f"{a}, {b} y {c}{suffix}"
        if minute == 0:
            return spoken + (suffix or (" horas" if hour != 1 else " en punto"))
        return f"{spoken} {'cero ' if minute < 10 else ''}{self.cardinal(minute)}{suffix}"

    def scale_word(self, written: str, number: Number) -> str:
        return "millón" if self.scales[written] == "millones" and number.is_one else self.scales[written]

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        if previous.lower() in self.chapter_words:
            return self.cardinal(value)
        if not previous[:1].isupper() or (len(numeral) == 1 and numeral not in "IVX") or not set(numeral) <= set("IVX"):
            return ""
        if len(numeral) == 1 and previous not in _REGNAL:
            return ""
        if previous in _REGNAL and value <= 10:
            return self.ordinal(value, "f" if previous in _QUEENS else "m")
        return self.cardinal(value)


def _avos(cardinal: str) -> str:
    """``doce`` -> *doceavo*."""
    joined = cardinal.replace(" y ", "i").replace(" ", "")
    return (joined[:-1] if joined.endswith("a") else joined) + "avo"


_QUEENS = word_set("Isabel Juana María Cristina Catalina Victoria Margarita Cleopatra Beatriz Urraca")
_REGNAL = _QUEENS | word_set(
    "Carlos Felipe Fernando Alfonso Luis Enrique Juan Pablo Pedro Jaime Sancho Ramiro Napoleón Jorge Eduardo Guillermo "
    "Federico Francisco Pío Benedicto León Gregorio Inocencio Clemente Alejandro Nicolás Ricardo Amadeo Ordoño Bermudo "
    "Ramsés Darío Ptolomeo Leopoldo Alberto Gustavo Harald Sixto Julio"
)
