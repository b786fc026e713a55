"""French."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from tts_models.text.normalize.grammar import Gender, Grammar
from tts_models.text.normalize.lexicon import coins, names, word_set, words
from tts_models.text.normalize.number import Number, NumberFormat

_FEMININE = word_set(
    "livre heure minute seconde semaine année fois personne page place chose tonne once femme fille nuit main part "
    "pièce "
    "tasse tête table chambre étoile famille île image langue ligne mère note œuvre porte question route rue salle "
    "sœur "
    "tâche vidéo ville vis voix couronne roupie calorie matinée soirée journée bouteille cuillère dent clé classe "
    "équipe étape fleur forme fin loi pomme église école entreprise plage pluie poule robe carte feuille goutte guerre "
    "lettre ampoule arme balle banque chaise chanson dame église erreur couleur douleur odeur fleur valeur peur eau "
    "peau "
    "fraise pêche orange poire banane course photo moto radio mission idée dose phrase règle vache"
)
_QUEENS = word_set("Élisabeth Elizabeth Catherine Marie Anne Victoria Cléopâtre Isabelle Margrethe Christine")
_REGNAL = _QUEENS | word_set(
    "Louis Charles Henri François Philippe Napoléon Jean Paul Pie Benoît Léon Grégoire Innocent Clément Alexandre "
    "Nicolas "
    "Georges Édouard Edouard Guillaume Jacques Richard Frédéric Ferdinand Alphonse Robert Hugues Ramsès Ptolémée "
    "Léopold "
    "Albert Baudouin Gustave Harald Hassan Mohammed Pierre Othon Sixte Jules Rama Felipe Juan"
)


class French(Grammar):
    """French as in France: soixante-dix, quatre-vingts."""

    tag = "fr-FR"
    locale = "fr_FR"
    num2words_language = "fr"
    region = "FR"
    number_format = NumberFormat(decimal=",", group=".", spaces=True)
    date_order = "DMY"
    dotted_dates = True
    clock_separators = ":h"
    ratio, sharp = "sur", "dièse"
    digit_names = names("zéro un deux trois quatre cinq six sept huit neuf")
    letter_names = words(
        "a a;b bé;c cé;d dé;e e;f effe;g gé;h hache;i i;j ji;k ka;l elle;m emme;n enne;o o;p pé;q ku;r erre;s esse;"
        "t té;"
        "u u;v vé;w double vé;x ixe;y i grec;z zède"
    )
    minus, plus, point, percent_word, per, to, of = "moins", "plus", "virgule", "pour cent", "par", "à", "de"
    read_fraction_as_number = 3
    number_sign, and_coins, version_point = "numéro", "", "point"
    currencies = coins("""
        EUR euro, euros, centime, centimes
        USD dollar, dollars, cent, cents
        GBP livre, livres, penny, pence
        JPY yen, yens
        CNY yuan, yuans
        INR roupie, roupies, paisa, paisas
        BRL réal, réals, centavo, centavos
        CHF franc suisse, francs suisses, centime, centimes
        CAD dollar canadien, dollars canadiens, cent, cents
        KRW won, wons
        RUB rouble, roubles, kopeck, kopecks
        BTC bitcoin, bitcoins
    """)
    symbols = words("""
        & et; @ arobase; % pour cent; ‰ pour mille; + plus; = égale; < inférieur à; > supérieur à; ± plus ou moins
        × fois
        ÷ divisé par; − moins; ≈ environ; ≠ différent de; ≤ inférieur ou égal à; ≥ supérieur ou égal à
        √ racine carrée de; ∞ infini; ∑ somme; ∏ produit; ∫ intégrale; ∂ dérivée partielle; ∈ appartient à
        ∩ intersection; ∪ union; ° degrés; ℃ degrés Celsius; ℉ degrés Fahrenheit; § paragraphe; ¶ paragraphe
        © copyright; / slash; \\ antislash; # hashtag; ^ puissance; * fois; № numéro; ¢ cents; ~ environ
        ∅ ensemble vide; ¬ non
    """)
    web = words(
        ". point;/ slash;: deux points;@ arobase;- tiret;_ tiret bas;? point d'interrogation;= égale;& et;# dièse;"
        "~ tilde;+ plus;% pour cent;www trois double vé"
    )
    greek = Grammar.greek | words("β bêta;δ delta;ε epsilon;ζ zêta;η êta;θ thêta;μ mu;ν nu;ξ xi;ρ rhô;ω oméga;γ gamma")
    abbreviations = words("""
        M. monsieur; MM. messieurs; Mme madame; Mmes mesdames; Mlle mademoiselle; Mlles mesdemoiselles; Dr docteur
        Dr. docteur; Pr professeur; Pr. professeur; Me maître; Mgr monseigneur; etc. et cetera; p._ex. par exemple
        c.-à-d. c'est-à-dire; c-à-d c'est-à-dire; av. avenue; bd boulevard; Bd boulevard; env. environ; St saint
        Ste sainte; apr. après; tél. téléphone; Tél. téléphone; Cie compagnie; vs versus; vs. versus; cf. confer
        J.-C. Jésus-Christ; av._J.-C. avant Jésus-Christ; apr._J.-C. après Jésus-Christ; svp s'il vous plaît
        SVP s'il vous plaît; ex. exemple; resp. respectivement
    """)
    number_abbreviations = words(
        "n° numéro;N° numéro;nº numéro;Nº numéro;no numéro;n° numéro;p. page;pp. pages;art. article;Art. article;"
        "chap. chapitre;Chap. chapitre;vol. volume;Vol. volume;fig. figure;Fig. figure"
    )
    ordinal_suffixes: ClassVar = words(
        "er m;ers m;re f;ère f;ᵉʳ m;ʳᵉ f;e m;ᵉ m;ème m;ième m;eme m;es plural;èmes plural;èm m;nd second;nde seconde"
    )
    roman_suffixes: ClassVar = words("er m;re f;ère f;e m;ᵉ m;ème m;ième m;es plural")
    plural_endings = ("s", "x", "mille")
    scales = words(
        "mille mille;millions millions;million million;milliards milliards;milliard milliard;M millions;Md milliards;"
        "Mds milliards;k mille"
    )
    function_words = word_set(
        "de du des et ou a à en par pour que qui est le la les un une avec sans dans sur plus moins se au aux ni sa "
        "son ses "
        "comme quand depuis jusque était fut sont ne pas il elle on nous vous ils elles car mais donc"
    )
    chapter_words = word_set(
        "numéro siècle siècles page chapitre tome volume partie acte scène livre guerre mondiale article titre "
        "section phase type "
        "annexe figure tableau niveau groupe degré congrès édition étape dynastie paris lyon"
    )

    units: ClassVar = {
        "temperature-generic": ("degré", "degrés"),
        "decibel": ("décibel", "décibels"),
        "frame": ("image", "images"),
        "revolution": ("tour", "tours"),
        "beat": ("battement", "battements"),
    }

    def cardinal(self, value: int, gender: Gender | None = None) -> str:
        spoken = super().cardinal(value)
        return f"{spoken}e" if gender == "f" and re.search(r"\bun$", spoken) else spoken

    def ordinal(self, value: int, form: str = "m") -> str:
        if form in ("second", "seconde"):
            return form if value == 2 else f"{self.cardinal(value)}ième"
        if value == 1:
            return {"f": "première"}.get(form, "premier")
        spoken = super().ordinal(value)
        spoken = re.sub(r"(vingt|cent|million|milliard)sième", r"\1ième", spoken)  # num2words keeps the plural s
        return f"{spoken}s" if form == "plural" else spoken

    def gender_of(self, noun: str) -> Gender | None:
        noun = noun.lower()
        singular = noun[:-1] if noun.endswith("s") and noun not in _FEMININE else noun
        if singular in _FEMININE or re.search(
            r"(tion|sion|xion|ée|ette|elle|esse|ence|ance|ure|ude|ade|ie|ière|euse|rice|enne|onne|aine|ille|té)$",
            singular,
        ):
            return "m" if singular in _MASCULINE else "f"
        return "m" if noun else None

    def plural(self, number: Number) -> bool:
        return number.is_identifier or number.value >= 2

    def fraction(self, numerator: int, denominator: int) -> str:
        names = {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")}
        one, many = names.get(denominator, (self.ordinal(denominator), f"{self.ordinal(denominator)}s"))
        return f"{self.cardinal(numerator)} {one if numerator == 1 else many}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        part = "demi" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole)} et {part}"

    def power(self, exponent: int) -> str:
        if exponent in (2, 3):
            return {2: "au carré", 3: "au cube"}[exponent]
        return f"puissance {'moins ' if exponent < 0 else ''}{self.cardinal(abs(exponent))}"

    def date(self, year: int | None, month: int, day: int) -> str:
        spoken = f"{'premier' if day == 1 else self.cardinal(day)} {self.month(month)}"
        return spoken if year is None else f"{spoken} {self.year(year)}"

    def clock(self, hour: int, minute: int, second: int | None = None, meridiem: str = "") -> str:
        suffix = {"a": " du matin", "p": " de l'après-midi" if hour % 12 < 6 else " du soir", "": ""}[meridiem]
        spoken = f"{self.cardinal(hour, 'f')} heure{'s' if hour > 1 else ''}"
        if minute or second is not None:
            spoken += f" {self.cardinal(minute, 'f')}"
        if second is not None:
            unit = (
                f"minute{'s' if minute > 1 else ''} et {self.cardinal(second, 'f')} seconde{'s' if second > 1 else ''}"
            )
            spoken += f" {unit}"
        return spoken + suffix

    def coins_and_cents(self, number: Number, coin) -> str:  # type: ignore[no-untyped-def]
        spoken = super().coins_and_cents(number, coin)
        # The hundredths go unnamed after the unit: *cinq euros cinquante*.
        return spoken.removesuffix(f" {coin.cents}") if number.value and coin.cents == "centimes" else spoken

    def scale_word(self, written: str, number: Number) -> str:
        word = self.scales[written]
        return word.rstrip("s") if not self.plural(number) else word

    def money(self, number: Number, code: str, scale: str = "") -> str:
        return re.sub(r"\bde (?=[aeiouyé])", "d'", super().money(number, code, scale))

    def phone_group(self, group: str) -> str:
        if len(group) in (2, 3) and group[0] != "0":
            return self.cardinal(int(group))
        return self.digits(group)

    def phone_groups(self, digits: str) -> Sequence[str]:
        return [digits[k : k + 2] for k in range(0, len(digits), 2)]

    def roman(self, numeral: str, value: int, previous: str, following: str) -> str:
        if previous.lower() in self.chapter_words:
            return self.cardinal(value)
        if previous in _REGNAL and set(numeral) <= set("IVX"):
            first = "première" if previous in _QUEENS else "premier"
            return first if value == 1 else self.cardinal(value)
        if previous[:1].isupper() and len(numeral) > 1 and set(numeral) <= set("IVX"):
            return self.cardinal(value)
        return ""


_MASCULINE = word_set(
    "été côté comité traité député incendie génie musée lycée trophée jubilé degré pâté parapluie foie silence murmure "
    "mercure stade grade remède capitaine domaine modèle"
)
