"""Addresses and businesses of western and northern Europe. Cities are real; the rest is invented.

Telephone numbers are of the ranges kept for fiction where there are such (GB, IE, DE, FR, SE).
"""

from __future__ import annotations

from connectors.sandbox.places import City, Country

UNITED_KINGDOM = Country(
    code="GB",
    name="United Kingdom",
    local_name="UK",
    weight=70,
    cities=(
        City("London", None, None, "SE1 %@@", "+44 20 7946 0###"),
        City("Leeds", None, None, "LS2 %@@", "+44 113 496 0###"),
        City("Manchester", None, None, "M4 %@@", "+44 161 496 0###"),
        City("Edinburgh", None, None, "EH3 %@@", "+44 131 496 0###"),
        City("Cardiff", None, None, "CF10 %@@", "+44 29 2018 0###"),
    ),
    streets=("Tannery Road", "Weaver's Lane", "Kingfisher Street", "Old Brewhouse Road", "Harebell Avenue"),
    line="{number} {street}",
    numbers=("{n}", "{n}", "{n}", "{n}A"),
    units=("Unit {u}", "Flat {u}", "Suite {d}"),
    short=((" Road", " Rd"), (" Street", " St"), (" Avenue", " Ave"), (" Lane", " Ln")),
    trades=(("Joinery", "Joinery"), ("Textiles", "Textiles"), ("Software", "Software"), ("Teas", "Teas")),
    legal=("Ltd", "PLC", "LLP"),
)

IRELAND = Country(
    code="IE",
    name="Ireland",
    local_name="Éire",
    weight=15,
    cities=(
        City("Galway", "Co. Galway", None, "H91 @#@%", "+353 20 911 ####"),
        City("Limerick", "Co. Limerick", None, "V94 @#@%", "+353 20 912 ####"),
        City("Sligo", "Co. Sligo", None, "F91 @#@%", "+353 20 913 ####"),
    ),
    streets=("Curlew Quay", "Rowan Tree Road", "Turf Market Street"),
    line="{number} {street}",
    units=("Unit {u}", "Suite {d}"),
    short=((" Road", " Rd"), (" Street", " St")),
    trades=(("Dairies", "Dairies"), ("Cloud", "Cloud"), ("Seafoods", "Seafoods")),
    legal=("Ltd", "DAC"),
)

GERMANY = Country(
    code="DE",
    name="Germany",
    local_name="Deutschland",
    weight=80,
    cities=(
        City("Berlin", None, None, "1096#", "+49 30 23125 ###"),
        City("Köln", None, None, "5066#", "+49 221 4710 ###"),
        City("Hamburg", None, None, "2035#", "+49 40 66969 ###"),
        City("München", None, None, "8033#", "+49 89 99998 ###"),
        City("Frankfurt am Main", None, None, "6031#", "+49 69 90009 ###"),
    ),
    streets=(
        "Eisvogelstraße",
        "Lindenhofstraße",
        "Am Kalkofen",
        "Seilerstraße",
        "Mühlbachweg",
        "Drosselgasse",
    ),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n}", "{n}a", "{n}b"),
    units=("{u}. OG", "Gebäude {l}"),
    short=(("straße", "str."),),
    trades=(
        ("Maschinenbau", "maschinenbau"),
        ("Logistik", "logistik"),
        ("Feinmechanik", "feinmechanik"),
        ("Brauerei", "brauerei"),
    ),
    legal=("GmbH", "GmbH & Co. KG", "AG", "UG"),
    mailboxes=("rechnung", "buchhaltung", "finanzen"),
)

AUSTRIA = Country(
    code="AT",
    name="Austria",
    local_name="Österreich",
    weight=15,
    cities=(
        City("Wien", None, None, "1070", "+43 1 5550 ###"),
        City("Graz", None, None, "8010", "+43 316 555 0##"),
        City("Innsbruck", None, None, "6020", "+43 512 555 0##"),
    ),
    streets=("Enziangasse", "Almrauschstraße", "Zirbenweg"),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n}a"),
    units=("Top {u}", "Stiege {u}"),
    inline_unit=", ",
    short=(("straße", "str."),),
    trades=(("Holzbau", "holzbau"), ("Seilbahnen", "seilbahnen"), ("Optik", "optik")),
    legal=("GmbH", "KG", "OG"),
    mailboxes=("rechnung", "buchhaltung"),
)

SWITZERLAND = Country(
    code="CH",
    name="Switzerland",
    local_name="Schweiz",
    weight=18,
    cities=(
        City("Zürich", None, None, "8005", "+41 44 550 ## ##"),
        City("Bern", None, None, "3011", "+41 31 550 ## ##"),
        City("Luzern", None, None, "6003", "+41 41 550 ## ##"),
    ),
    streets=("Murmeltierweg", "Seerosenstrasse", "Gletscherstrasse"),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n}a"),
    units=("{u}. Stock",),
    short=(("strasse", "str."),),
    trades=(("Uhren", "uhren"), ("Pharma", "pharma"), ("Treuhand", "treuhand")),
    legal=("AG", "GmbH"),
    mailboxes=("rechnung", "kreditoren"),
)

FRANCE = Country(
    code="FR",
    name="France",
    local_name="France",
    weight=55,
    cities=(
        City("Paris", None, None, "75011", "+33 1 99 00 ## ##"),
        City("Nantes", None, None, "44000", "+33 2 61 91 ## ##"),
        City("Strasbourg", None, None, "67000", "+33 3 53 01 ## ##"),
        City("Lyon", None, None, "69007", "+33 4 65 71 ## ##"),
        City("Toulouse", None, None, "31000", "+33 5 36 49 ## ##"),
    ),
    streets=(
        "rue des Hirondelles",
        "avenue du Vieux Moulin",
        "boulevard des Tilleuls",
        "rue de la Corderie",
        "place du Lavoir",
    ),
    line="{number} {street}",
    numbers=("{n}", "{n}", "{n}", "{n} bis"),
    units=("Bâtiment {l}", "Appartement {u}", "Étage {u}"),
    short=(("avenue ", "av. "), ("boulevard ", "bd "), ("place ", "pl. ")),
    trades=(("Mécanique", "mecanique"), ("Conseil", "conseil"), ("Édition", "edition"), ("Vins", "vins")),
    legal=("SARL", "SAS", "SA"),
    mailboxes=("facturation", "comptabilite"),
)

BELGIUM = Country(
    code="BE",
    name="Belgium",
    local_name="België",
    weight=15,
    cities=(
        City("Gent", None, None, "9000", "+32 9 550 ## ##"),
        City("Antwerpen", None, None, "2018", "+32 3 550 ## ##"),
        City("Leuven", None, None, "3000", "+32 16 55 ## ##"),
    ),
    streets=("Vlaskaaistraat", "IJsvogellaan", "Molenbeekstraat"),
    line="{street} {number}",
    units=("bus {u}",),
    inline_unit=" ",
    short=(("straat", "str."),),
    trades=(("Chocolade", "chocolade"), ("Haven", "haven"), ("Textiel", "textiel")),
    legal=("BV", "NV"),
    mailboxes=("facturatie", "boekhouding"),
)

NETHERLANDS = Country(
    code="NL",
    name="Netherlands",
    local_name="Nederland",
    weight=30,
    cities=(
        City("Amsterdam", None, None, "101% @@", "+31 20 550 ####"),
        City("Utrecht", None, None, "351% @@", "+31 30 550 ####"),
        City("Groningen", None, None, "971% @@", "+31 50 550 ####"),
    ),
    streets=("Reigerstraat", "Klompenmakersgracht", "Oude Zaagmolenweg"),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n}A"),
    units=("Unit {u}", "Verdieping {u}"),
    short=(("straat", "str."),),
    trades=(("Bloemen", "bloemen"), ("Scheepvaart", "scheepvaart"), ("Fietsen", "fietsen")),
    legal=("B.V.", "N.V."),
    mailboxes=("facturen", "administratie"),
)

SWEDEN = Country(
    code="SE",
    name="Sweden",
    local_name="Sverige",
    weight=20,
    cities=(
        City("Stockholm", None, None, "113 %#", "+46 8 465 004 ##"),
        City("Göteborg", None, None, "411 %#", "+46 31 390 06 ##"),
        City("Malmö", None, None, "211 %#", "+46 40 628 04 ##"),
    ),
    streets=("Tranbärsgatan", "Sillgatan", "Norra Björkvägen"),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n} B"),
    units=("Våning {u}",),
    trades=(("Trä", "tra"), ("Teknik", "teknik"), ("Design", "design")),
    legal=("AB", "HB"),
    mailboxes=("faktura", "ekonomi"),
)

NORWAY = Country(
    code="NO",
    name="Norway",
    local_name="Norge",
    weight=14,
    cities=(
        City("Oslo", None, None, "055#", "+47 22 55 ## ##"),
        City("Bergen", None, None, "501#", "+47 55 50 ## ##"),
        City("Tromsø", None, None, "900#", "+47 77 55 ## ##"),
    ),
    streets=("Multebærveien", "Sjøgata", "Gamle Tranvei"),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n} B"),
    units=("Etasje {u}",),
    trades=(("Havbruk", "havbruk"), ("Energi", "energi"), ("Data", "data")),
    legal=("AS", "ASA"),
    mailboxes=("faktura", "regnskap"),
)

DENMARK = Country(
    code="DK",
    name="Denmark",
    local_name="Danmark",
    weight=14,
    cities=(
        City("Aarhus", None, None, "8000", "+45 86 55 ## ##"),
        City("Odense", None, None, "5000", "+45 66 55 ## ##"),
        City("Aalborg", None, None, "9000", "+45 98 55 ## ##"),
    ),
    streets=("Havørnevej", "Blåbærgade", "Gammel Teglvej"),
    line="{street} {number}",
    numbers=("{n}", "{n}", "{n}B"),
    units=("{u}. sal",),
    inline_unit=", ",
    trades=(("Vind", "vind"), ("Møbler", "mobler"), ("Mejeri", "mejeri")),
    legal=("A/S", "ApS"),
    mailboxes=("faktura", "bogholderi"),
)

FINLAND = Country(
    code="FI",
    name="Finland",
    local_name="Suomi",
    weight=14,
    cities=(
        City("Helsinki", None, None, "00170", "+358 9 5550 ###"),
        City("Tampere", None, None, "33100", "+358 3 5550 ###"),
        City("Oulu", None, None, "90100", "+358 8 5550 ###"),
    ),
    streets=("Joutsenkatu", "Vanha Myllytie", "Lakkapolku"),
    line="{street} {number}",
    units=("A {u}", "B {u}", "C {u}"),
    inline_unit=" ",
    trades=(("Metsä", "metsa"), ("Ohjelmistot", "ohjelmistot"), ("Konepaja", "konepaja")),
    legal=("Oy", "Oyj"),
    mailboxes=("laskutus", "talous"),
)

EUROPE_WEST = (
    UNITED_KINGDOM,
    IRELAND,
    GERMANY,
    AUSTRIA,
    SWITZERLAND,
    FRANCE,
    BELGIUM,
    NETHERLANDS,
    SWEDEN,
    NORWAY,
    DENMARK,
    FINLAND,
)
