//! Trace contexts: what a caller says in `traceparent`, and what upstreams are told.
//!
//! <https://www.w3.org/TR/trace-context/>

use std::fmt::Write as _;

/// The id of a trace.
pub type TraceId = [u8; 16];
/// The id of a span.
pub type SpanId = [u8; 8];

/// The context in which a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: TraceId,
    /// The span that makes the request.
    pub span: SpanId,
    /// Whether its spans are recorded.
    pub is_sampled: bool,
}

impl Context {
    /// Reads a `traceparent`. `None` if it is not valid: then a new trace begins, as the standard says.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('-');
        let [version] = bytes(parts.next()?)?;
        let (trace, span, [flags]) = (bytes(parts.next()?)?, bytes(parts.next()?)?, bytes(parts.next()?)?);
        // Version 0 has four parts, later ones may have more.
        let is_known = version != 0xff && (version != 0 || parts.next().is_none());
        (is_known && trace != [0; 16] && span != [0; 8]).then_some(Self {
            trace,
            span,
            is_sampled: flags & 1 == 1,
        })
    }

    /// As a `traceparent` of version 0.
    #[must_use]
    pub fn header(&self) -> String {
        format!("00-{}-{}-0{}", hex(&self.trace), hex(&self.span), u8::from(self.is_sampled))
    }
}

/// Whether a new trace is recorded, where so much of all is: from 0 to 1. All that decide by the id agree.
#[must_use]
pub fn is_in_sample(trace: &TraceId, ratio: f64) -> bool {
    // The last 56 bits are random.
    let mut value: u64 = 0;
    for byte in trace.iter().skip(9) {
        value = (value << 8) | u64::from(*byte);
    }
    #[expect(clippy::cast_precision_loss, reason = "the lowest bits do not matter")]
    let value = value as f64;
    value < ratio * 2.0_f64.powi(56)
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that lower-case hexadecimal digits are.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_written() {
        let context = Context::parse(HEADER).unwrap();
        assert!(context.is_sampled);
        assert_eq!(context.header(), HEADER);
        assert!(!Context::parse(&HEADER.replace("-01", "-00")).unwrap().is_sampled);
        // A version that is not known is read as far as it is known.
        assert_eq!(
            Context::parse(&HEADER.replace("00-0a", "cc-0a").replace("-01", "-09-more")),
            Some(context)
        );
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Context::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn about_the_ratio_is_in_the_sample() {
        let ids = |i: u64| {
            let mut id = [7; 16];
            id[8..].copy_from_slice(&i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            id
        };
        let count = |ratio| (0..10_000).filter(|i| is_in_sample(&ids(*i), ratio)).count();
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!((900..1_100).contains(&count(0.1)), "{}", count(0.1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-fA-F-]{0,60}|\\PC{0,60}") {
            if let Some(context) = Context::parse(&text) {
                prop_assert_eq!(Context::parse(&context.header()), Some(context));
            }
        }
    }
}
