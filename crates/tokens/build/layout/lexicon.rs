//! The tables of the lexicon. `src/bpe/lexicon.rs` reads them and says what they are for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
};

use super::{
    group::{self, SHORT, SHORT_GROUPS, STARTS, Start},
    hash,
    tables::Tables,
};

/// Zeros after the last token, so that sixteen bytes can be read at any place of any token.
const PADDING: usize = 16;

/// Every token of any vocabulary, and the slot that it got.
pub struct Lexicon {
    pub slots: HashMap<Vec<u8>, usize>,
}

/// A token as it is placed: the stretch of its group, and what is stored of it.
type Placed = (usize, Vec<u8>);

/// Lays out the tokens of all vocabularies, and describes the tables as the constant `LEXICON`.
pub fn write(tables: &mut Tables, vocabularies: &[&[Vec<u8>]]) -> Lexicon {
    let tokens: BTreeSet<&Vec<u8>> =
        vocabularies.iter().copied().flatten().filter(|token| !token.is_empty()).collect();
    let mut filter = vec![0_u8; hash::FILTER];
    let mut groups: BTreeMap<usize, Vec<(Placed, &[u8])>> = BTreeMap::new();
    for token in tokens {
        let bit = hash::filter_bit(hash::of(token));
        filter[bit / 8] |= 1 << (bit % 8);
        let (group, placed) = place(token);
        groups.entry(group).or_default().push((placed, token));
    }

    let mut text: Vec<u8> = Vec::new();
    let mut starts = Vec::new();
    let mut slots = HashMap::new();
    let mut description = String::new();
    for number in 0..=*groups.keys().last().expect("there are tokens") {
        let mut group = groups.remove(&number).unwrap_or_default();
        // What is stored of a short token is compared as a number, whose last byte counts most.
        group.sort_by(|((stretch, stored), _), ((other, others), _)| {
            let order = if number < SHORT_GROUPS {
                stored.iter().rev().cmp(others.iter().rev())
            } else {
                stored.cmp(others)
            };
            stretch.cmp(other).then(order)
        });
        write!(
            description,
            "Group {{ slot: {}, text: {}, size: {} }}, ",
            slots.len(),
            text.len(),
            group.len()
        )
        .unwrap();
        if number < SHORT_GROUPS {
            for stretch in 0..STARTS {
                let start = group.partition_point(|((other, _), _)| *other < stretch);
                starts.extend(Start::try_from(start).expect("a group has no more tokens").to_le_bytes());
            }
        }
        for ((_, stored), token) in group {
            text.extend(stored);
            slots.insert(token.to_vec(), slots.len());
        }
    }
    text.resize(text.len() + PADDING, 0);

    let description = format!(
        "filter: {},\n groups: &[{description}],\n starts: {},\n text: {},\n",
        tables.file("filter", &filter),
        tables.file("starts", &starts),
        tables.file("text", &text),
    );
    writeln!(tables.source, "/// All tokens.\npub static LEXICON: Lexicon = Lexicon {{\n{description}}};")
        .unwrap();
    Lexicon { slots }
}

/// The group of a token, and how it is placed there.
fn place(token: &[u8]) -> (usize, Placed) {
    if token.len() > SHORT {
        return (SHORT_GROUPS + token.len() - SHORT - 1, (0, token.to_vec()));
    }
    let is_spaced = group::is_spaced(u64::from(token[0]), token.len());
    let bytes = &token[usize::from(is_spaced)..];
    let (first, last) = (bytes[0], bytes[bytes.len() - 1]);
    let mut stored = vec![group::edges(first, last)];
    stored.extend(bytes.get(1..bytes.len() - 1).unwrap_or_default());
    assert_eq!(stored.len(), group::stored(bytes.len()), "tokens of one length take the same room");
    (group::number(token.len(), is_spaced), (group::stretch(first, last), stored))
}
