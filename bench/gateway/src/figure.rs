//! Figures of a round, and rows of all rounds.

use serde::Serialize;

/// Which side of the limit is the good one.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Better {
    More,
    Less,
}

/// What is measured.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Quantity {
    /// Its name for programs.
    pub(crate) key: &'static str,
    /// Its name for people.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// What the limit is, in words; empty where there is none.
    #[serde(rename = "limitName", skip_serializing_if = "str::is_empty")]
    pub(crate) limit_name: &'static str,
}

/// One measurement.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) quantity: Quantity,
    /// Sockets that were open meanwhile, where their number is varied.
    pub(crate) subscribers: Option<usize>,
    pub(crate) value: f64,
    pub(crate) limit: Option<f64>,
}

/// One line of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) quantity: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscribers: Option<usize>,
    /// The rounds' median.
    pub(crate) value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<f64>,
    /// 1: as good as the limit; 0.5: half as fast, or twice the cost. The median of the rounds' own shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<f64>,
}

impl Figure {
    fn share(&self) -> Option<f64> {
        let limit = self.limit?;
        let share = match self.quantity.better {
            Better::More => self.value / limit,
            Better::Less => limit / self.value,
        };
        // A short run may take less than a tick of the CPU clock.
        (share.is_finite() && share >= 0.0).then_some(share)
    }
}

/// Rows from rounds, each of which has the same figures in the same order.
pub(crate) fn merge(rounds: &[Vec<Figure>]) -> Vec<Row> {
    let first = rounds.first().map(Vec::as_slice).unwrap_or_default();
    let row = |(index, figure): (usize, &Figure)| {
        let all: Vec<&Figure> = rounds.iter().filter_map(|round| round.get(index)).collect();
        Row {
            quantity: figure.quantity,
            subscribers: figure.subscribers,
            value: median(all.iter().map(|figure| figure.value)).unwrap_or(f64::NAN),
            limit: median(all.iter().filter_map(|figure| figure.limit)),
            share: median(all.iter().filter_map(|figure| figure.share())),
        }
    };
    first.iter().enumerate().map(row).collect()
}

/// Of an even number of values the lower one of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(better: Better, value: f64, limit: f64) -> Figure {
        let quantity = Quantity { key: "a", what: "a thing", unit: "events/s", better, limit_name: "the least" };
        Figure { quantity, subscribers: None, value, limit: Some(limit) }
    }

    #[test]
    fn a_share_is_the_median_of_the_rounds_own_and_1_at_the_limit_whichever_side_is_good() {
        for (better, half) in [(Better::More, 5.0), (Better::Less, 20.0)] {
            let rounds =
                [vec![figure(better, half, 10.0)], vec![figure(better, half * 7.0, 70.0)], vec![figure(better, 3.0, 3.0)]];
            let rows = merge(&rounds);
            assert_eq!(rows.len(), 1);
            assert_eq!((rows[0].value, rows[0].limit, rows[0].share), (half, Some(10.0), Some(0.5)), "{half}");
        }
    }
}
