"""Addresses and businesses of southern and eastern Europe. Cities are real; the rest is invented."""

from __future__ import annotations

from connectors.sandbox.places import City, Country

SPAIN = Country(
    code="ES",
    name="Spain",
    local_name="España",
    weight=28,
    cities=(
        City("Valencia", "Valencia", "V", "460##", "+34 960 55 ## ##"),
        City("Sevilla", "Sevilla", "SE", "410##", "+34 955 55 ## ##"),
        City("Bilbao", "Vizcaya", "BI", "480##", "+34 946 55 ## ##"),
    ),
    streets=("Calle de los Vencejos", "Avenida del Almendro", "Calle Torno Viejo", "Plaza de la Noria"),
    line="{street} {number}",
    units=("{u}º A", "{u}º B", "Oficina {d}"),
    short=(("Calle ", "C/ "), ("Avenida ", "Avda. ")),
    trades=(("Aceites", "aceites"), ("Cerámica", "ceramica"), ("Ingeniería", "ingenieria")),
    legal=("S.L.", "S.A."),
    mailboxes=("facturacion", "contabilidad"),
)

PORTUGAL = Country(
    code="PT",
    name="Portugal",
    local_name="Portugal",
    weight=14,
    cities=(
        City("Lisboa", None, None, "1100-%##", "+351 21 550 ####"),
        City("Porto", None, None, "4050-%##", "+351 22 550 ####"),
        City("Coimbra", None, None, "3000-%##", "+351 239 550 ###"),
    ),
    streets=("Rua das Andorinhas", "Avenida do Sobreiro", "Travessa da Eira"),
    line="{street}, {number}",
    units=("{u}.º Esq.", "{u}.º Dto."),
    short=(("Avenida ", "Av. "), ("Rua ", "R. ")),
    trades=(("Cortiça", "cortica"), ("Conservas", "conservas"), ("Azulejos", "azulejos")),
    legal=("Lda.", "S.A."),
    mailboxes=("faturacao", "contabilidade"),
)

ITALY = Country(
    code="IT",
    name="Italy",
    local_name="Italia",
    weight=32,
    cities=(
        City("Bologna", "Bologna", "BO", "4012#", "+39 051 550 ####"),
        City("Torino", "Torino", "TO", "1012#", "+39 011 550 ####"),
        City("Verona", "Verona", "VR", "3712#", "+39 045 550 ####"),
        City("Palermo", "Palermo", "PA", "9013#", "+39 091 550 ####"),
    ),
    streets=(
        "Via delle Rondini",
        "Viale dei Cipressi",
        "Corso del Mulino",
        "Via San Ponzio",
        "Piazza del Pozzo",
    ),
    line="{street}, {number}",
    numbers=("{n}", "{n}", "{n}/A"),
    units=("Interno {u}", "Scala {l}"),
    short=(("Viale ", "V.le "), ("Corso ", "C.so ")),
    trades=(("Ceramiche", "ceramiche"), ("Tessuti", "tessuti"), ("Meccanica", "meccanica")),
    legal=("S.r.l.", "S.p.A."),
    mailboxes=("fatture", "amministrazione"),
)

GREECE = Country(
    code="GR",
    name="Greece",
    local_name="Ελλάδα",
    weight=12,
    cities=(
        City("Θεσσαλονίκη", None, None, "546 ##", "+30 231 055 ####"),
        City("Πάτρα", None, None, "262 ##", "+30 261 055 ####"),
        City("Ηράκλειο", None, None, "712 ##", "+30 281 055 ####"),
    ),
    streets=("Οδός Χελιδονιών", "Οδός Κυπαρισσιών", "Λεωφόρος Ελαιώνα"),
    line="{street} {number}",
    units=("Όροφος {u}",),
    stems=(("Αλθέα", "althea"), ("Βορέας", "voreas"), ("Ζέφη", "zefi"), ("Λυχνίδα", "lychnida")),
    trades=(("Ελαιόλαδα", "elaiolada"), ("Ναυτιλιακή", "naftiliaki"), ("Τεχνική", "techniki")),
    legal=("Α.Ε.", "Ε.Π.Ε."),
)

POLAND = Country(
    code="PL",
    name="Poland",
    local_name="Polska",
    weight=30,
    cities=(
        City("Kraków", None, None, "31-0##", "+48 12 555 ## ##"),
        City("Gdańsk", None, None, "80-8##", "+48 58 555 ## ##"),
        City("Wrocław", None, None, "50-1##", "+48 71 555 ## ##"),
        City("Łódź", None, None, "90-4##", "+48 42 555 ## ##"),
    ),
    streets=(
        "ulica Jaskółcza",
        "ulica Stary Młyn",
        "aleja Modrzewiowa",
        "ulica Bursztynowa",
        "plac Zdrojowy",
    ),
    line="{street} {number}",
    units=("{u}",),
    inline_unit="/",
    short=(("ulica ", "ul. "), ("aleja ", "al. "), ("plac ", "pl. ")),
    trades=(
        ("Meble", "meble"),
        ("Transport", "transport"),
        ("Szkło", "szklo"),
        ("Oprogramowanie", "software"),
    ),
    legal=("Sp. z o.o.", "S.A."),
    mailboxes=("faktury", "ksiegowosc"),
)

CZECHIA = Country(
    code="CZ",
    name="Czechia",
    local_name="Česko",
    weight=14,
    cities=(
        City("Brno", None, None, "602 00", "+420 555 0## ###"),
        City("Plzeň", None, None, "301 00", "+420 377 5## ###"),
        City("Olomouc", None, None, "779 00", "+420 585 5## ###"),
    ),
    streets=("Vlaštovčí", "Na Starém mlýně", "náměstí U Kašny", "Jeřabinová"),
    line="{street} {number}",
    numbers=("{n}/{m}", "{n}"),
    units=("{u}. patro",),
    short=(("náměstí ", "nám. "),),
    trades=(("Sklo", "sklo"), ("Pivovar", "pivovar"), ("Strojírna", "strojirna")),
    legal=("s.r.o.", "a.s."),
    mailboxes=("fakturace", "ucetni"),
)

HUNGARY = Country(
    code="HU",
    name="Hungary",
    local_name="Magyarország",
    weight=10,
    cities=(
        City("Szeged", None, None, "67##", "+36 62 550 ###"),
        City("Pécs", None, None, "76##", "+36 72 550 ###"),
        City("Győr", None, None, "90##", "+36 96 550 ###"),
    ),
    streets=("Gólya utca", "Vízimalom utca", "Diófa utca"),
    line="{street} {number}.",
    units=("{u}. emelet",),
    short=((" utca", " u."),),
    trades=(("Paprika", "paprika"), ("Műszer", "muszer"), ("Hajózás", "hajozas")),
    legal=("Kft.", "Zrt."),
    mailboxes=("szamla", "konyveles"),
)

ROMANIA = Country(
    code="RO",
    name="Romania",
    local_name="România",
    weight=10,
    cities=(
        City("Cluj-Napoca", None, None, "4000##", "+40 264 55# ###"),
        City("Iași", None, None, "7000##", "+40 232 55# ###"),
        City("Brașov", None, None, "5000##", "+40 268 55# ###"),
    ),
    streets=("Strada Rândunelelor", "Strada Morii Vechi", "Bulevardul Teilor"),
    line="{street} nr. {number}",
    units=("ap. {u}", "et. {u}"),
    short=(("Strada ", "Str. "), ("Bulevardul ", "Bd. ")),
    trades=(("Mobilă", "mobila"), ("Soft", "soft"), ("Panificație", "panificatie")),
    legal=("S.R.L.", "S.A."),
    mailboxes=("facturi", "contabilitate"),
)

BULGARIA = Country(
    code="BG",
    name="Bulgaria",
    local_name="България",
    weight=8,
    cities=(
        City("Пловдив", None, None, "4000", "+359 32 55# ###"),
        City("Варна", None, None, "9000", "+359 52 55# ###"),
        City("Русе", None, None, "7000", "+359 82 55# ###"),
    ),
    streets=("ул. Лястовица", "ул. Стара мелница", "бул. Липа"),
    line="{street} {number}",
    units=("ет. {u}", "ап. {u}"),
    stems=(("Белмора", "belmora"), ("Кестел", "kestel"), ("Розарио", "rozario"), ("Фенлон", "fenlon")),
    trades=(("Лаванда", "lavanda"), ("Машини", "mashini"), ("Софт", "soft")),
    legal=("ООД", "АД"),
)

TURKEY = Country(
    code="TR",
    name="Turkey",
    local_name="Türkiye",
    weight=16,
    cities=(
        City("İzmir", None, None, "35##0", "+90 232 555 ## ##"),
        City("Bursa", None, None, "16##0", "+90 224 555 ## ##"),
        City("Antalya", None, None, "07##0", "+90 242 555 ## ##"),
    ),
    streets=("Kırlangıç Sokak", "Eski Değirmen Caddesi", "Zeytinlik Caddesi"),
    line="{street} No: {number}",
    units=("Kat {u}", "Daire {u}"),
    short=((" Caddesi", " Cad."), (" Sokak", " Sk.")),
    trades=(("Tekstil", "tekstil"), ("Gıda", "gida"), ("Makina", "makina")),
    legal=("A.Ş.", "Ltd. Şti."),
    mailboxes=("fatura", "muhasebe"),
)

EUROPE_SOUTH_EAST = (
    SPAIN,
    PORTUGAL,
    ITALY,
    GREECE,
    POLAND,
    CZECHIA,
    HUNGARY,
    ROMANIA,
    BULGARIA,
    TURKEY,
)
