//! What is for sale.

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::money::Cents;

/// A product.
#[derive(Debug)]
pub(super) struct Product {
    /// WooCommerce's number.
    pub(super) id: u32,
    pub(super) sku: &'static str,
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) price: Cents,
    line: &'static str,
    text: &'static str,
    facts: &'static [&'static str],
    /// A drawing; its colours come from the style sheet.
    art: &'static str,
}

impl Product {
    /// For a page.
    pub(super) fn view(&self) -> Value {
        let &Self { sku, slug, name, category, price, line, text, facts, .. } = self;
        let (price, art) = (price.to_string(), Value::from_safe_string(self.art.to_owned()));
        context! { sku, slug, name, category, price, line, text, facts => Serde(facts), art }
    }
}

/// All products, in the order of the home page.
pub(super) static PRODUCTS: [Product; 6] = [
    Product {
        id: 13,
        sku: "MUG-01",
        slug: "stoneware-mug",
        name: "Stoneware Mug",
        category: "Table",
        price: Cents(18_00),
        line: "Thrown by hand, glazed like a foggy morning.",
        text: "A mug that sits low and warm in the hand. The foot is left bare, so that you feel what it is made of.",
        facts: &["Holds 300 ml", "Dishwasher safe", "Each one a little different"],
        art: include_str!("art/mug.svg"),
    },
    Product {
        id: 14,
        sku: "KETTLE-01",
        slug: "pour-over-kettle",
        name: "Pour-over Kettle",
        category: "Kitchen",
        price: Cents(64_00),
        line: "A thin spout, for those who pour slowly.",
        text: "Enamelled steel with a handle that stays cool. The spout pours a stream as thin as you like it.",
        facts: &["Holds 0.9 litres", "For gas, ceramic and induction", "Lid lifts off for filling"],
        art: include_str!("art/kettle.svg"),
    },
    Product {
        id: 15,
        sku: "APRON-01",
        slug: "linen-apron",
        name: "Linen Apron",
        category: "Kitchen",
        price: Cents(42_00),
        line: "Crossed at the back, no knots to tie.",
        text: "Heavy washed linen that gets softer with every stain you take out of it. One pocket, where it belongs.",
        facts: &["One size", "100 % linen", "Machine wash at 60 °C"],
        art: include_str!("art/apron.svg"),
    },
    Product {
        id: 16,
        sku: "BOARD-01",
        slug: "olive-wood-board",
        name: "Olive-wood Board",
        category: "Kitchen",
        price: Cents(36_50),
        line: "One piece of wood, no glue.",
        text: "Cut from trees that bear no more fruit, and oiled twice. For bread in the morning and cheese at night.",
        facts: &["About 38 × 17 cm", "Wash by hand", "Oil it once a season"],
        art: include_str!("art/board.svg"),
    },
    Product {
        id: 17,
        sku: "CANDLE-02",
        slug: "beeswax-candles",
        name: "Beeswax Candles",
        category: "Home",
        price: Cents(14_90),
        line: "A pair, dipped forty times.",
        text: "Two candles of clean beeswax that burn straight and smell of honey only when you come close.",
        facts: &["Two pieces, 24 cm", "Burn for seven hours each", "Cotton wick"],
        art: include_str!("art/candles.svg"),
    },
    Product {
        id: 18,
        sku: "THROW-01",
        slug: "wool-throw",
        name: "Wool Throw",
        category: "Home",
        price: Cents(89_00),
        line: "For two on one sofa, if they get along.",
        text: "Woven from the wool of mountain sheep, with the stripes where the weaver felt like it.",
        facts: &["130 × 190 cm", "100 % wool", "Air it, do not wash it"],
        art: include_str!("art/throw.svg"),
    },
];

pub(super) fn by_slug(slug: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.slug == slug)
}

pub(super) fn by_sku(sku: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.sku == sku)
}
