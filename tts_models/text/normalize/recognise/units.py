"""Symbols of units and currencies. Units map to CLDR unit identifiers, whose names Babel has in every language."""

from __future__ import annotations

from tts_models.text.normalize.lexicon import word_set, words

UNITS = words("""
    km length-kilometer; m length-meter; cm length-centimeter; mm length-millimeter; µm length-micrometer
    μm length-micrometer; nm length-nanometer; dm length-decimeter; mi length-mile; ft length-foot; yd length-yard
    kg mass-kilogram; g mass-gram; mg mass-milligram; µg mass-microgram; μg mass-microgram; t mass-tonne; lb mass-pound
    lbs mass-pound; oz mass-ounce; l volume-liter; L volume-liter; ml volume-milliliter; mL volume-milliliter
    cl volume-centiliter; dl volume-deciliter; hl volume-hectoliter; gal volume-gallon; qt volume-quart
    tbsp volume-tablespoon; tsp volume-teaspoon; ha area-hectare; ac area-acre; sqm area-square-meter
    sqft area-square-foot
    m² area-square-meter; km² area-square-kilometer; cm² area-square-centimeter; ft² area-square-foot
    m2 area-square-meter; km2 area-square-kilometer; cm2 area-square-centimeter; ft2 area-square-foot
    mi² area-square-mile; m³ volume-cubic-meter; cm³ volume-cubic-centimeter; km³ volume-cubic-kilometer
    m3 volume-cubic-meter; cm3 volume-cubic-centimeter; cc volume-cubic-centimeter; ft³ volume-cubic-foot
    h duration-hour; hr duration-hour; hrs duration-hour; min duration-minute; mins duration-minute; s duration-second
    sec duration-second; secs duration-second; ms duration-millisecond; µs duration-microsecond
    μs duration-microsecond; ns duration-nanosecond
    Hz frequency-hertz; kHz frequency-kilohertz; MHz frequency-megahertz; GHz frequency-gigahertz
    W power-watt; kW power-kilowatt; MW power-megawatt; GW power-gigawatt; mW power-milliwatt; hp power-horsepower
    kWh energy-kilowatt-hour; kJ energy-kilojoule; kcal energy-kilocalorie; cal energy-calorie
    eV energy-electronvolt; V electric-volt; mA electric-milliampere; Ω electric-ohm; Ω electric-ohm
    Pa pressure-pascal; hPa pressure-hectopascal; kPa pressure-kilopascal; MPa pressure-megapascal
    mbar pressure-millibar; psi pressure-pound-force-per-square-inch; atm pressure-atmosphere
    kB digital-kilobyte; KB digital-kilobyte; MB digital-megabyte; GB digital-gigabyte
    TB digital-terabyte; PB digital-petabyte; kbit digital-kilobit; Mbit digital-megabit; Gbit digital-gigabit
    Mb digital-megabit; Gb digital-gigabit; px graphics-pixel; MP graphics-megapixel; dpi graphics-dot-per-inch
    mph speed-mile-per-hour; kph speed-kilometer-per-hour; kmh speed-kilometer-per-hour
    km/h speed-kilometer-per-hour; m/s speed-meter-per-second; m/s² acceleration-meter-per-square-second
    °C temperature-celsius; ℃ temperature-celsius; °F temperature-fahrenheit; ℉ temperature-fahrenheit
    ° temperature-generic; mmHg pressure-millimeter-ofhg; mol concentr-mole; cd light-candela; lm light-lumen
    lx light-lux; nmi length-nautical-mile; mpg consumption-mile-per-gallon
    kbps digital-kilobit/duration-second; Mbps digital-megabit/duration-second; Gbps digital-gigabit/duration-second
    MB/s digital-megabyte/duration-second; GB/s digital-gigabyte/duration-second
    dB decibel; fps frame/duration-second; rpm revolution/duration-minute; bpm beat/duration-minute
""")
PER_UNITS = UNITS | words("day duration-day; week duration-week; month duration-month; year duration-year")
"""What may stand after the slash of a compound unit."""
CURRENCY_SIGNS = words(
    "US$ USD; R$ BRL; AU$ AUD; A$ AUD; CA$ CAD; C$ CAD; HK$ HKD; NZ$ NZD; S$ SGD; NT$ TWD; MX$ MXN; CN¥ CNY; JP¥ JPY;"
    "RMB¥ CNY; RMB CNY; Rs. INR; Rs INR; रु. INR; $ USD; € EUR; £ GBP; ¥ JPY; ₹ INR; ₩ KRW; ₽ RUB; ₿ BTC; ₺ TRY;"
    " ₫ VND; ฿ THB;"
    "₪ ILS; ₴ UAH; ₦ NGN; ₱ PHP; ₡ CRC; ₲ PYG; ₵ GHS; ₸ KZT; ₮ MNT; ₼ AZN; ₾ GEL; ₭ LAK; ៛ KHR; ৳ BDT"
)
CURRENCY_CODES = word_set(
    "USD EUR GBP JPY CNY INR BRL CAD AUD CHF MXN KRW RUB BTC SEK NOK DKK PLN CZK HUF TRY ZAR HKD SGD TWD NZD THB IDR "
    "MYR PHP VND ILS AED SAR EGP ARS CLP COP PEN UAH NGN"
)
"""ISO 4217 codes read as money beside a number; others (ALL, TOP, CUP) are words too."""
