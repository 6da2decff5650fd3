//! A page of the request log, of which a part is in the database and the rest in packs.
//!
//! Each source is read by itself, from the newest row down, and says up to where it has looked. A page ends where the first of
//! them has stopped looking, so that paging through finds each row once, wherever it is and whenever it moves.

/// What a source has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<R> {
    /// Rows, the newest first.
    pub rows: Vec<R>,
    /// The id down to which all rows were looked at, itself included; `None` if there is nothing below.
    pub looked_to: Option<String>,
}

/// The rows of a page of at most `limit`, and the cursor of the next one: the id that its rows are below.
pub fn join<R>(sources: [Found<R>; 2], limit: usize, id: impl Fn(&R) -> &str) -> (Vec<R>, Option<String>) {
    let [a, b] = sources;
    let border = a.looked_to.max(b.looked_to);
    let mut rows: Vec<R> = a.rows;
    rows.extend(b.rows);
    rows.sort_by(|a, b| id(b).cmp(id(a)));
    rows.dedup_by(|a, b| id(a) == id(b));
    if let Some(border) = &border {
        rows.retain(|row| id(row) >= border.as_str());
    }
    if rows.len() > limit {
        rows.truncate(limit);
        let next = rows.last().map(|row| id(row).to_owned());
        return (rows, next);
    }
    (rows, border)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_set;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// What a source that looks at so many rows finds below an id, of which the even ones are wanted.
    fn found(rows: &BTreeSet<u32>, below: Option<&str>, limit: usize, looks_at: usize) -> Found<String> {
        let below = below.unwrap_or("~");
        let mut ids = rows.iter().rev().map(|id| format!("{id:03}")).filter(|id| id.as_str() < below);
        let looked: Vec<String> = ids.by_ref().take(looks_at).collect();
        let is_wanted = |id: &&String| id.parse::<u32>().unwrap().is_multiple_of(2);
        let rows: Vec<String> = looked.iter().filter(is_wanted).take(limit).cloned().collect();
        let stopped = if rows.len() == limit { rows.last() } else { looked.last() };
        let is_end = rows.len() < limit && ids.next().is_none();
        Found { looked_to: stopped.filter(|_| !is_end).cloned(), rows }
    }

    proptest! {
        #[test]
        fn paging_through_finds_each_row_once(
            near in btree_set(0_u32..500, 0..60), far in btree_set(0_u32..500, 0..60),
            limit in 1_usize..9, near_looks in 1_usize..20, far_looks in 1_usize..20,
        ) {
            let expected: Vec<String> = near.union(&far).collect::<Vec<_>>().into_iter().rev()
                .filter(|id| id.is_multiple_of(2)).map(|id| format!("{id:03}")).collect();
            let (mut all, mut cursor) = (Vec::new(), None::<String>);
            for page in 0.. {
                prop_assert!(page < 500);
                let sources = [(&near, near_looks), (&far, far_looks)]
                    .map(|(rows, looks)| found(rows, cursor.as_deref(), limit, looks));
                let (rows, next) = join(sources, limit, String::as_str);
                prop_assert!(rows.len() <= limit);
                all.extend(rows);
                match next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            prop_assert_eq!(all, expected);
        }
    }
}
