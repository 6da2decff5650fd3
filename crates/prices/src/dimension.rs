//! What has a price of its own, and which ways of serving have their own prices.
//!
//! Both are numbered: a plan (see [`crate::plan`]) is a list of numbers. The order is that of the encoding; new ones go to the
//! end.

/// Something that is charged by number. All but the last two are tokens, priced in millionths of a dollar per million; the last
/// two are priced per thousand.
pub const DIMENSIONS: [&str; 14] = [
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "audio_cache_read",
    "image_input",
    "image_output",
    "image_cache_read",
    "per_1k_requests",
    "per_1k_web_searches",
];

/// Ways of serving, as the data names them; the number of a variant is its place here plus one, 0 is the list price. The two
/// spellings of `fast` are the same way.
pub const VARIANTS: [(&str, u8); 6] = [
    ("processing=batch", 1),
    ("service_tier=flex", 2),
    ("service_tier=priority", 3),
    ("service_tier=fast", 4),
    ("speed=fast", 4),
    ("mode=thinking", 5),
];
