"""Brazilian Portuguese."""

from __future__ import annotations

import re
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.lexicon import coins, names, word_set, words
from tts_models.text.normalize.number import Number, NumberFormat

_FEMININE = word_set(
    "noite noites tarde tardes mão mãos vez vezes lei leis rede redes parte partes classe classes chave chaves torre "
    "torres mulher mulheres flor flores série séries base bases fase fases frase frases gente fonte fontes luz "
    "luzes voz "
    "vozes cruz cruzes foto fotos moto motos nuvem nuvens carne carnes ordem ordens cor cores dor dores imagem imagens "
    "viagem viagens mensagem mensagens avó avós irmã irmãs maçã maçãs manhã manhãs tribo tribos"
)
_MASCULINE = word_set(
    "dia dias problema problemas sistema sistemas programa programas tema temas mapa mapas planeta planetas idioma "
    "idiomas poema poemas clima climas sofá sofás turista turistas grama gramas quilograma quilogramas miligrama "
    "miligramas micrograma microgramas esquema esquemas cometa cometas drama dramas sintoma sintomas pijama pijamas "
    "cinema cinemas telefonema telefonemas"
)
_QUEENS = word_set("Maria Isabel Elizabeth Catarina Vitória Margarida Cristina Cleópatra Leopoldina")
_REGNAL = _QUEENS | word_set(
    "Pedro João José Luís Luiz Henrique Carlos Jorge Eduardo Guilherme Frederico Francisco Pio Bento Leão Gregório "
    "Inocêncio Clemente Alexandre Nicolau Ricardo Afonso Manuel Sancho Fernando Filipe Felipe Napoleão Paulo Ramsés "
    "Ptolomeu Leopoldo Alberto Sebastião Duarte Miguel"
)


class Portuguese(Grammar):
    """Portuguese as in Brazil."""

    tag = "pt-BR"
    locale = "pt_BR"
    num2words_language = "pt_BR"
    region = "BR"
    number_format = NumberFormat(decimal=",", group=".")
    date_order = "DMY"
    dotted_dates = True
    clock_separators = ":h"
    ratio, sharp = "por", "sustenido"
    digit_names = names("zero um dois três quatro cinco seis sete oito nove")
    phone_digits = names("zero um dois três quatro cinco meia sete oito nove")  # "meia" keeps six apart from three
    letter_names = words(
        "a a;b bê;c cê;d dê;e é;f efe;g gê;h agá;i i;j jota;k cá;l ele;m eme;n ene;o ó;p pê;q quê;r erre;s esse;"
        "t tê;u u;"
        "v vê;w dáblio;x xis;y ípsilon;z zê;ç cê cedilha"
    )
    minus, plus, point, percent_word, per, to, of = "menos", "mais", "vírgula", "por cento", "por", "a", "de"
    read_fraction_as_number = 2
    number_sign, and_coins, version_point, month_link = "número", "e", "ponto", "de"
    currencies = coins("""
        BRL real, reais, centavo, centavos
        USD dólar, dólares, centavo, centavos
        EUR euro, euros, centavo, centavos
        GBP libra, libras, pêni, pence
        JPY iene, ienes
        CNY yuan, yuans
        INR rupia, rupias, paisa, paisas
        CHF franco suíço, francos suíços, cêntimo, cêntimos
        ARS peso argentino, pesos argentinos, centavo, centavos
        MXN peso mexicano, pesos mexicanos, centavo, centavos
        KRW won, wons
        RUB rublo, rublos, copeque, copeques
        BTC bitcoin, bitcoins
    """)
    symbols = words("""
        & e; @ arroba; % por cento; ‰ por mil; + mais; = igual a; < menor que; > maior que; ± mais ou menos; × vezes
        ÷ dividido por; − menos; ≈ aproximadamente; ≠ diferente de; ≤ menor ou igual a; ≥ maior ou igual a
        √ raiz quadrada de; ∞ infinito; ∑ soma; ∏ produto; ∫ integral; ∂ derivada parcial; ∈ pertence a; ∩ interseção
        ∪ união; ° graus; ℃ graus Celsius; ℉ graus Fahrenheit; § parágrafo; ¶ parágrafo; © copyright; / barra
        \\ barra invertida; # hashtag; ^ elevado a; * vezes; № número; ¢ centavos; ~ aproximadamente; ∅ conjunto vazio
        ¬ não; º graus
    """)
    web = words(
        ". ponto;/ barra;: dois pontos;@ arroba;- hífen;_ underline;? interrogação;= igual;& e comercial;# cerquilha;"
        "~ til;+ mais;% por cento;www dáblio dáblio dáblio"
    )
    greek = Grammar.greek | words(
        "α alfa;γ gama;θ teta;κ capa;μ mi;ν ni;ξ csi;ο ômicron;ρ rô;υ ípsilon;φ fi;χ qui;"
        "ε épsilon;ω ômega;ζ zeta;η eta;τ tau;ψ psi"
    )
    abbreviations = words("""
        Sr. senhor; Sra. senhora; Srta. senhorita; Srs. senhores; Dr. doutor; Dra. doutora; D. dom; Prof. professor
        Profa. professora; Profª professora; Eng. engenheiro; etc. etcétera; p._ex. por exemplo; p.ex. por exemplo
        EUA Estados Unidos; a.C. antes de Cristo; d.C. depois de Cristo; a._C. antes de Cristo; d._C. depois de Cristo
        Av. avenida; R. rua; Pça. praça; aprox. aproximadamente; tel. telefone; Tel. telefone; Gal. general; Sto. santo
        Sta. santa; vs. versus; vs versus; V._Exa. vossa excelência; Ltda. limitada; Cia. companhia; séc. século
    """)
    number_abbreviations = words(
        "n.º número;nº número;Nº número;N.º número;n° número;N° número;núm. número;pág. página;págs. páginas;p. página;"
        "pp. páginas;art. artigo;Art. artigo;cap. capítulo;Cap. capítulo;vol. volume;Vol. volume;fig. figura;"
        "Fig. figura"
    )
    roman_suffixes: ClassVar = words("º m;° m;ª f")
    ordinal_suffixes: ClassVar = words(".º m;º m;.ª f;ª f;o m;a f")
    article_before = r"\b(?:o|a|do|da|no|na|ao|à|os|as)"
    ordinal_nouns = word_set(
        "guerra congresso edição república dinastia legislatura cúpula aniversário feira festival semana jornada "
        "prêmio "
        "andar lugar ano grau turno trimestre"
    )
    thousands_agree = True
    scales = words(
        "mil mil;milhões milhões;milhão milhão;bilhões bilhões;bilhão bilhão;trilhões trilhões;trilhão trilhão;"
        "mi milhões;bi bilhões;M milhões;tri trilhões"
    )
    unit_words = frozenset({"s", "h", "mi", "cal"})
    function_words = word_set(
        "de do da dos das e ou a o as os em no na nos nas por que é um uma com sem para mais menos se ao à nem seu sua "
        "como quando desde até era foi são já não lhe me te nos si sim sobre entre mas pelo pela ontem hoje agora"
    )
    chapter_words = word_set(
        "número século séculos página capítulo tomo volume parte ato cena livro guerra mundial artigo título seção "
        "fase tipo anexo "
        "quadro figura tabela nível grupo grau congresso edição etapa dinastia"
    )

    units: ClassVar = {
        "mass-tonne": ("tonelada", "toneladas"),
        "decibel": ("decibel", "decibéis"),
        "frame": ("quadro", "quadros"),
        "revolution": ("rotação", "rotações"),
        "beat": ("batida", "batidas"),
        "temperature-generic": ("grau", "graus"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        spoken = super().cardinal(value).replace("catorze", "quatorze")
        if gender != "f":
            return spoken
        cut = max((match.end() for match in re.finditer(r"ilh(?:ão|ões)\b", spoken)), default=0)
        tail = re.sub(
            r"\bum\b", "uma", re.sub(r"\bdois\b", "duas", re.sub(r"(cent|quinhent|ent)os\b", r"\1as", spoken[cut:]))
        )
        return spoken[:cut] + tail

    def ordinal(self, value: int, form: str = "m") -> str:
        spoken = super().ordinal(value)
        return re.sub(r"o\b", "a", spoken) if form == "f" else spoken

    def gender_of(self, noun: str) -> Gender | None:
        noun = noun.lower()
        if noun in _MASCULINE:
            return "m"
        if noun in _FEMININE or re.search(r"(as?|[çs]ão|[çs]ões|dades?|tudes?|agens?|[áê]ncias?)$", noun):
            return "f"
        return "m" if noun else None

    def plural(self, number: Number) -> bool:
        return number.is_identifier or number.value >= 2

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator == 2:
            one, many = "meio", "meios"
        elif denominator == 3:
            one, many = "terço", "terços"
        elif denominator <= 10 or denominator in (100, 1000):
            one = self.ordinal(denominator)
            many = one + "s"
        else:
            one, many = (f"{self.cardinal(denominator)} avo", f"{self.cardinal(denominator)} avos")
        return f"{self.cardinal(numerator)} {one if numerator == 1 else many}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        part = "meio" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole)} e {part}"

    def power(self, exponent: int) -> str:
        if exponent in (2, 3):
            return {2: "ao quadrado", 3: "ao cubo"}[exponent]
        return f"elevado a {'menos ' if exponent < 0 else ''}{self.cardinal(abs(exponent))}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{'primeiro' if day == 1 else self.cardinal(day)} de {self.month(month)}"
        return spoken if year is None else f"{spoken} de {self.year(year)}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        suffix = {"a": " da manhã", "p": " da tarde" if hour % 12 < 7 else " da noite", "": ""}[meridiem]
        spoken = self.cardinal(hour, "f")
        if second is not None:
            parts: list[tuple[int, Gender, str]] = [
                (hour, "f", "hora"),
                (minute, "m", "minuto"),
                (second, "m", "segundo"),
            ]
            a, b, c = (f"{self.cardinal(n, g)} {noun}{'' if n == 1 else 's'}" for n, g, noun in parts)
            return f"{a}, {b} e {c}{suffix}"
        if minute == 0:
            return spoken + (suffix or (" hora" if hour <= 1 else " horas"))
        return f"{spoken} e {self.cardinal(minute)}{suffix}"

    def scale_word(self, written: str, number: Number) -> str:
        word = self.scales[written]
        return word.replace("ilhões", "ilhão") if number.integer in ("0", "1") else word

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        if previous.lower() in self.chapter_words:
            return self.cardinal(value)
        if not previous[:1].isupper() or not set(numeral) <= set("IVX"):
            return ""
        if previous in _REGNAL and value <= 10:
            return self.ordinal(value, "f" if previous in _QUEENS else "m")
        return self.cardinal(value) if len(numeral) > 1 or previous in _REGNAL else ""
