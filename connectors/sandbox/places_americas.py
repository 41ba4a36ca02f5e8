"""Addresses and businesses of the Americas. Cities are real; streets and businesses are invented.

Telephone numbers are of the range kept for fiction where there is one (+1 NPA 555 01xx).
"""

from __future__ import annotations

from connectors.sandbox.places import City, Country

UNITED_STATES = Country(
    code="US",
    name="United States",
    local_name="USA",
    weight=300,
    cities=(
        City("Portland", "Oregon", "OR", "9720%", "+1 503-555-01##"),
        City("Austin", "Texas", "TX", "7870%", "+1 512-555-01##"),
        City("Columbus", "Ohio", "OH", "4321%", "+1 614-555-01##"),
        City("Denver", "Colorado", "CO", "8020%", "+1 303-555-01##"),
        City("Boise", "Idaho", "ID", "8370%", "+1 208-555-01##"),
        City("Madison", "Wisconsin", "WI", "5370%", "+1 608-555-01##"),
        City("Raleigh", "North Carolina", "NC", "2760%", "+1 919-555-01##"),
        City("Providence", "Rhode Island", "RI", "0290%", "+1 401-555-01##"),
        City("Sacramento", "California", "CA", "9581%", "+1 916-555-01##"),
        City("Tulsa", "Oklahoma", "OK", "7410%", "+1 918-555-01##"),
        City("Buffalo", "New York", "NY", "1420%", "+1 716-555-01##"),
        City("St. Paul", "Minnesota", "MN", "5510%", "+1 651-555-01##"),
        City("Savannah", "Georgia", "GA", "3140%", "+1 912-555-01##"),
        City("Salt Lake City", "Utah", "UT", "8410%", "+1 801-555-01##"),
    ),
    streets=(
        "Alder Creek Road",
        "Old Quarry Lane",
        "North Tamarack Street",
        "Willowbend Avenue",
        "Sandpiper Court",
        "Harvest Moon Drive",
        "Copper Kettle Boulevard",
        "West Larkspur Avenue",
        "Mill Race Parkway",
        "Lantern Hill Road",
        "East Juniper Street",
        "Foxglove Street",
        "Granary Place",
        "South Heron Avenue",
    ),
    line="{number} {street}",
    top=9800,
    units=("Suite {u}0{c}", "Suite {d}", "Floor {u}", "Unit {u}{l}", "Apt {u}{l}"),
    short=(
        (" Street", " St"),
        (" Avenue", " Ave"),
        (" Boulevard", " Blvd"),
        (" Road", " Rd"),
        (" Drive", " Dr"),
        (" Lane", " Ln"),
        (" Court", " Ct"),
        (" Parkway", " Pkwy"),
        ("North ", "N "),
        ("South ", "S "),
        ("West ", "W "),
        ("East ", "E "),
    ),
    trades=tuple(
        (trade, trade)
        for trade in ("Logistics", "Robotics", "Foods", "Analytics", "Outfitters", "Instruments", "Media")
    ),
    legal=("Inc.", "LLC", "Corp.", "Co."),
)

CANADA = Country(
    code="CA",
    name="Canada",
    local_name="Canada",
    weight=50,
    cities=(
        City("Vancouver", "British Columbia", "BC", "V6B %@%", "+1 604-555-01##"),
        City("Halifax", "Nova Scotia", "NS", "B3J %@%", "+1 902-555-01##"),
        City("Winnipeg", "Manitoba", "MB", "R3C %@%", "+1 204-555-01##"),
        City("Ottawa", "Ontario", "ON", "K1P %@%", "+1 613-555-01##"),
        City("Québec", "Quebec", "QC", "G1R %@%", "+1 418-555-01##"),
    ),
    streets=("Birchbark Street", "Snowy Owl Road", "Trillium Avenue", "Old Ferry Road", "Maple Hollow Drive"),
    line="{number} {street}",
    top=4800,
    units=("Suite {d}", "Unit {u}", "Floor {u}"),
    short=((" Street", " St"), (" Road", " Rd"), (" Avenue", " Ave"), (" Drive", " Dr")),
    trades=(("Timber", "Timber"), ("Fisheries", "Fisheries"), ("Software", "Software"), ("Energy", "Energy")),
    legal=("Ltd.", "Inc.", "Corp."),
)

MEXICO = Country(
    code="MX",
    name="Mexico",
    local_name="México",
    weight=30,
    cities=(
        City("Guadalajara", "Jalisco", "Jal.", "441##", "+52 33 5550 ####"),
        City("Monterrey", "Nuevo León", "N.L.", "640##", "+52 81 5550 ####"),
        City("Mérida", "Yucatán", "Yuc.", "970##", "+52 999 550 ####"),
        City("Puebla", "Puebla", "Pue.", "720##", "+52 222 550 ####"),
    ),
    streets=("Calle Los Colibríes", "Avenida del Maíz", "Calle Obsidiana", "Avenida Jacarandas"),
    line="{street} {number}",
    top=2400,
    units=("Interior {u}", "Piso {u}", "Despacho {d}"),
    short=(("Avenida ", "Av. "),),
    trades=(("Alimentos", "alimentos"), ("Textiles", "textiles"), ("Logística", "logistica")),
    legal=("S.A. de C.V.", "S. de R.L. de C.V."),
    mailboxes=("facturacion", "cuentas"),
)

BRAZIL = Country(
    code="BR",
    name="Brazil",
    local_name="Brasil",
    weight=45,
    cities=(
        City("São Paulo", "São Paulo", "SP", "013##-0##", "+55 11 5550-####"),
        City("Curitiba", "Paraná", "PR", "800##-0##", "+55 41 3550-####"),
        City("Recife", "Pernambuco", "PE", "500##-0##", "+55 81 3550-####"),
        City("Belo Horizonte", "Minas Gerais", "MG", "301##-0##", "+55 31 3550-####"),
        City("Porto Alegre", "Rio Grande do Sul", "RS", "900##-0##", "+55 51 3550-####"),
    ),
    streets=("Rua dos Ipês Amarelos", "Avenida das Araucárias", "Rua Beija-Flor", "Travessa do Moinho"),
    line="{street}, {number}",
    top=2900,
    units=("Sala {u}", "Conjunto {d}", "Andar {u}"),
    short=(("Avenida ", "Av. "), ("Rua ", "R. ")),
    trades=(("Alimentos", "alimentos"), ("Sistemas", "sistemas"), ("Têxtil", "textil"), ("Metais", "metais")),
    legal=("Ltda.", "S.A.", "ME"),
    mailboxes=("financeiro", "cobranca"),
)

ARGENTINA = Country(
    code="AR",
    name="Argentina",
    local_name="Argentina",
    weight=15,
    cities=(
        City("Rosario", "Santa Fe", None, "S20##", "+54 341 550-####"),
        City("Córdoba", "Córdoba", None, "X50##", "+54 351 550-####"),
        City("Mendoza", "Mendoza", None, "M55##", "+54 261 550-####"),
    ),
    streets=("Calle Los Teros", "Avenida del Quebracho", "Calle Los Ceibos"),
    line="{street} {number}",
    top=3900,
    units=("Piso {u}", "Oficina {d}"),
    short=(("Avenida ", "Av. "),),
    trades=(("Vinos", "vinos"), ("Maquinarias", "maquinarias"), ("Servicios", "servicios")),
    legal=("S.A.", "S.R.L."),
    mailboxes=("facturacion", "administracion"),
)

AMERICAS = (UNITED_STATES, CANADA, MEXICO, BRAZIL, ARGENTINA)
