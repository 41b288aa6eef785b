//! Figures of a cluster.

use crate::figure::{Better, Figure, Quantity};

/// What the figures of a cluster are beside, unless they say something else.
const ONE: &str = "one relay that keeps its log alone";

/// A figure beside that of [`ONE`] relay.
pub(super) fn beside(
    key: &'static str,
    what: &'static str,
    unit: &'static str,
    better: Better,
    value: f64,
    one: f64,
) -> Figure {
    Figure { quantity: Quantity { key, what, unit, better, limit_name: ONE }, subscribers: None, value, limit: Some(one) }
}

/// A figure of a cluster alone.
pub(super) fn alone(key: &'static str, what: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure {
        quantity: Quantity { key, what, unit, better: Better::Less, limit_name: "" },
        subscribers: None,
        value,
        limit: None,
    }
}

/// With so many sockets.
pub(super) fn with(sockets: usize, figure: Figure) -> Figure {
    Figure { subscribers: Some(sockets), ..figure }
}
