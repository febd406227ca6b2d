//! One INSERT of many rows.

use std::fmt::Write as _;

/// Rows that one statement writes: with twenty values each, far below the least number that a database takes.
pub(super) const ROWS: usize = 100;

/// `head` with so many rows of so many values, and `tail` behind them.
pub(super) fn insert(head: &str, rows: usize, values: usize, tail: &str) -> sqlx::AssertSqlSafe<String> {
    let mut sql = head.to_owned();
    for row in 0..rows {
        let first = row * values + 1;
        let places: Vec<String> = (first..first + values).map(|place| format!("${place}")).collect();
        let _infallible = write!(sql, "{}({})", if row > 0 { ", " } else { " VALUES " }, places.join(", "));
    }
    sql.push_str(tail);
    sqlx::AssertSqlSafe(sql)
}
