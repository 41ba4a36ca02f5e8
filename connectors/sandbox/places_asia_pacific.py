"""Addresses and businesses of Asia, Africa and the Pacific. Cities are real; the rest is invented.

Telephone numbers are of the range kept for fiction where there is one (AU).
"""

from __future__ import annotations

from connectors.sandbox.places import City, Country

JAPAN = Country(
    code="JP",
    name="Japan",
    local_name="日本",
    weight=45,
    cities=(
        City("千代田区", "東京都", "Tokyo", "101-00##", "+81 3-5550-####"),
        City("横浜市西区", "神奈川県", "Kanagawa", "220-00##", "+81 45-550-####"),
        City("名古屋市中区", "愛知県", "Aichi", "460-00##", "+81 52-550-####"),
        City("札幌市北区", "北海道", "Hokkaido", "060-08##", "+81 11-550-####"),
        City("福岡市博多区", "福岡県", "Fukuoka", "812-00##", "+81 92-550-####"),
    ),
    streets=("桜川町", "緑風台", "若竹町", "銀杏通", "水車町"),
    line="{street}{number}",
    numbers=("{c}丁目{m}-{n}", "{c}-{m}-{n}"),
    top=28,
    units=("第二ビル{u}階", "テラス{c}{d}号室"),
    stems=(
        ("ミドリノ", "midorino"),
        ("アサギリ", "asagiri"),
        ("ホシマチ", "hoshimachi"),
        ("カゼオト", "kazeoto"),
        ("ツキノワ", "tsukinowa"),
        ("ユキシロ", "yukishiro"),
    ),
    joiner="",
    trades=(("精機", "seiki"), ("食品", "shokuhin"), ("物流", "butsuryu"), ("電子", "denshi")),
    legal=("株式会社", "合同会社"),
    legal_first=True,
    mailboxes=("seikyu", "keiri"),
)

KOREA = Country(
    code="KR",
    name="South Korea",
    local_name="대한민국",
    weight=20,
    cities=(
        City("마포구", "서울특별시", "Seoul", "040##", "+82 2-550-####"),
        City("해운대구", "부산광역시", "Busan", "480##", "+82 51-550-####"),
        City("유성구", "대전광역시", "Daejeon", "341##", "+82 42-550-####"),
    ),
    streets=("은행나무로", "제비꽃길", "물레방아로"),
    line="{street} {number}",
    units=("{u}층", "{c}{d}호"),
    stems=(("하늘결", "haneulgyeol"), ("도담", "dodam"), ("새벽빛", "saebyeokbit"), ("마루솔", "marusol")),
    joiner="",
    trades=(("전자", "jeonja"), ("식품", "sikpum"), ("물산", "mulsan")),
    legal=("주식회사 ", "유한회사 "),
    legal_first=True,
)

INDIA = Country(
    code="IN",
    name="India",
    local_name="भारत",
    weight=55,
    cities=(
        City("Bengaluru", "Karnataka", "KA", "5600##", "+91 80 5550 ####"),
        City("Pune", "Maharashtra", "MH", "4110##", "+91 20 5550 ####"),
        City("Chennai", "Tamil Nadu", "TN", "6000##", "+91 44 5550 ####"),
        City("Ahmedabad", "Gujarat", "GJ", "3800##", "+91 79 5550 ####"),
        City("Kolkata", "West Bengal", "WB", "7000##", "+91 33 5550 ####"),
    ),
    streets=("Gulmohar Road", "Peacock Lane", "Old Banyan Street", "Jasmine Cross Road", "Tamarind Street"),
    line="{number}, {street}",
    numbers=("{n}", "{n}/{m}", "{n}-A"),
    units=("Floor {u}", "Unit {u}", "Flat {u}{l}"),
    short=((" Road", " Rd"), (" Street", " St")),
    trades=(("Infotech", "infotech"), ("Spices", "spices"), ("Textiles", "textiles"), ("Pharma", "pharma")),
    legal=("Pvt. Ltd.", "Ltd.", "LLP"),
)

SINGAPORE = Country(
    code="SG",
    name="Singapore",
    local_name="Singapura",
    weight=18,
    cities=(
        City("Singapore", None, None, "0685##", "+65 6550 ####"),
        City("Singapore", None, None, "4080##", "+65 6551 ####"),
    ),
    streets=("Kingfisher Link", "Rambutan Avenue", "Old Pier Road", "Orchid Bay Drive"),
    line="{number} {street}",
    units=("#{d}-{d}", "#{d}-0{c}"),
    short=((" Avenue", " Ave"), (" Road", " Rd"), (" Drive", " Dr")),
    trades=(("Shipping", "shipping"), ("Fintech", "fintech"), ("Trading", "trading")),
    legal=("Pte. Ltd.",),
)

UNITED_ARAB_EMIRATES = Country(
    code="AE",
    name="United Arab Emirates",
    local_name="UAE",
    weight=12,
    cities=(
        City("Dubai", "Dubai", None, "", "+971 4 550 ####"),
        City("Abu Dhabi", "Abu Dhabi", None, "", "+971 2 550 ####"),
    ),
    streets=("Falcon Street", "Pearl Divers Road", "Date Palm Street"),
    line="{number} {street}",
    units=("Office {d}", "Floor {u}"),
    short=((" Street", " St"), (" Road", " Rd")),
    trades=(("Trading", "trading"), ("Marine", "marine"), ("Contracting", "contracting")),
    legal=("LLC", "FZE"),
)

SOUTH_AFRICA = Country(
    code="ZA",
    name="South Africa",
    local_name="Suid-Afrika",
    weight=18,
    cities=(
        City("Cape Town", None, None, "8001", "+27 21 550 ####"),
        City("Durban", None, None, "4001", "+27 31 550 ####"),
        City("Bloemfontein", None, None, "9301", "+27 51 550 ####"),
    ),
    streets=("Protea Road", "Blue Crane Street", "Windmill Avenue"),
    line="{number} {street}",
    units=("Unit {u}", "Floor {u}"),
    short=((" Road", " Rd"), (" Street", " St"), (" Avenue", " Ave")),
    trades=(("Mining", "mining"), ("Citrus", "citrus"), ("Engineering", "engineering")),
    legal=("(Pty) Ltd", "Ltd"),
)

AUSTRALIA = Country(
    code="AU",
    name="Australia",
    local_name="Australia",
    weight=45,
    cities=(
        City("Melbourne", "Victoria", "VIC", "3000", "+61 3 5550 ####"),
        City("Sydney", "New South Wales", "NSW", "2000", "+61 2 5550 ####"),
        City("Brisbane", "Queensland", "QLD", "4000", "+61 7 5550 ####"),
        City("Adelaide", "South Australia", "SA", "5000", "+61 8 5550 ####"),
        City("Hobart", "Tasmania", "TAS", "7000", "+61 3 5550 ####"),
    ),
    streets=("Wattlebird Street", "Lorikeet Avenue", "Old Shearing Road", "Boronia Drive", "Jetty Lane"),
    line="{number} {street}",
    units=("Unit {u}", "Level {u}", "Suite {d}"),
    short=((" Street", " St"), (" Avenue", " Ave"), (" Road", " Rd"), (" Drive", " Dr")),
    trades=(("Minerals", "minerals"), ("Wines", "wines"), ("Surf", "surf"), ("Solar", "solar")),
    legal=("Pty Ltd", "Ltd"),
)

NEW_ZEALAND = Country(
    code="NZ",
    name="New Zealand",
    local_name="Aotearoa",
    weight=14,
    cities=(
        City("Wellington", None, None, "6011", "+64 4 555 ####"),
        City("Dunedin", None, None, "9016", "+64 3 555 ####"),
        City("Hamilton", None, None, "3204", "+64 7 555 ####"),
    ),
    streets=("Fantail Road", "Kauri Grove", "Saltmarsh Street"),
    line="{number} {street}",
    units=("Unit {u}", "Level {u}"),
    short=((" Road", " Rd"), (" Street", " St")),
    trades=(("Wool", "wool"), ("Honey", "honey"), ("Forestry", "forestry")),
    legal=("Ltd", "LP"),
)

ASIA_PACIFIC = (
    JAPAN,
    KOREA,
    INDIA,
    SINGAPORE,
    UNITED_ARAB_EMIRATES,
    SOUTH_AFRICA,
    AUSTRALIA,
    NEW_ZEALAND,
)
