//! The rows as a person reads them, and as a program does.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::figure::Row;

#[derive(Serialize)]
struct Results<'a> {
    quick: bool,
    rounds: usize,
    cores: usize,
    rows: &'a [Row],
}

/// Writes the results as JSON.
pub(crate) fn write(path: &Path, quick: bool, rounds: usize, rows: &[Row]) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let results = Results { quick, rounds, cores, rows };
    let text = serde_json::to_string_pretty(&results)?;
    std::fs::write(path, text + "\n").with_context(|| format!("{} cannot be written", path.display()))
}

/// A Markdown table.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text =
        "| what | sockets | value | limit | what the limit is | share of it |\n|---|--:|--:|--:|---|--:|\n".to_owned();
    for row in rows {
        let unit = row.quantity.unit;
        let sockets = row.subscribers.map_or_else(|| "–".to_owned(), |count| grouped(&count.to_string()));
        let limit = row.limit.map_or_else(|| "–".to_owned(), |limit| format!("{} {unit}", shown(limit)));
        let name = if row.quantity.limit_name.is_empty() { "–" } else { row.quantity.limit_name };
        let share = row.share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let what = row.quantity.what;
        text.push_str(&format!("| {what} | {sockets} | {} {unit} | {limit} | {name} | {share} |\n", shown(row.value)));
    }
    text
}

/// Three figures that mean something, thousands apart.
fn shown(value: f64) -> String {
    if value.abs() >= 100.0 {
        grouped(&format!("{value:.0}"))
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(index);
        if index > 0 && left % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        let shown: Vec<String> = [0.123, 12.34, 123.4, 1234.5, 1_234_567.0, -1234.0].into_iter().map(shown).collect();
        assert_eq!(shown, ["0.12", "12.3", "123", "1,234", "1,234,567", "-1,234"]);
    }
}
