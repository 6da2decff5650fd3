//! Tokens of images, by the rules that vendors publish.
//!
//! Sources: OpenAI, "Images and vision", "Calculating costs" (two systems: tiles of 512 pixels, and patches of 32 with a
//! budget and a factor); Anthropic, "Vision", "Calculate image costs" (pixels / 750); Google, "Understand and count
//! tokens" (tiles of 768 pixels, 258 tokens each). The factors of gpt-5-mini and gpt-5-nano are those of OpenAI's
//! guide; its price calculator has lower ones.

use libm::{ceil, floor, round, sqrt};

use crate::model::base_name;

/// The resolution at which a model processes an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Low: a small copy.
    Low,
    /// The model's default; counted like [`Self::High`], which it usually is.
    #[default]
    Auto,
    /// High.
    High,
    /// Without downscaling, for the models that support it (GPT-5.4 and later); elsewhere like [`Self::High`].
    Original,
}

/// An image, by its size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// The resolution.
    pub detail: Detail,
}

/// How a model counts images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ImageRule {
    /// The image is scaled to fit 2048 by 2048 pixels with a shorter side of at most 768, then split into tiles of
    /// 512.
    Tiles {
        /// Tokens of every image, and all tokens at low resolution.
        base: usize,
        /// Tokens of each tile.
        tile: usize,
    },
    /// The image is split into patches of 32 by 32 pixels; if those exceed the budget it is scaled down.
    Patches {
        /// The most patches.
        budget: u32,
        /// The most patches of [`Detail::Original`].
        original_budget: u32,
        /// Tokens of each patch, in hundredths.
        percent: u32,
    },
    /// A token for 750 pixels of an image that is scaled to fit.
    Pixels {
        /// The longest side that is kept.
        longest: u32,
        /// The most tokens.
        most: usize,
    },
    /// 258 tokens for a small image, and for each tile of a larger one.
    Crops,
}

/// The longest side of an image for the tile rule, its shorter side, and the side of a tile.
const TILES_FIT: f64 = 2048.0;
const TILES_SHORT_SIDE: f64 = 768.0;
const TILE: f64 = 512.0;
const PATCH: f64 = 32.0;
/// The patches that [`Detail::Low`] leaves of an image: 512 by 512 pixels.
const LOW_PATCHES: u32 = 256;
const PIXELS_PER_TOKEN: f64 = 750.0;
/// For Gemini: what is small, the side of a tile, and tokens of either.
const CROP_SMALL: u32 = 384;
const CROP_SIDE: u32 = 768;
const CROP_TOKENS: usize = 258;

const fn tiles(base: usize, tile: usize) -> ImageRule {
    ImageRule::Tiles { base, tile }
}

const fn patches(percent: u32) -> ImageRule {
    ImageRule::Patches { budget: 1536, original_budget: 1536, percent }
}

/// GPT-5.4 and later use 2,500 patches, and 10,000 for the original resolution.
const LARGE_PATCHES: ImageRule = ImageRule::Patches { budget: 2500, original_budget: 10_000, percent: 100 };

/// Models by the prefix of their names; the first match counts.
const RULES: &[(&str, ImageRule)] = &[
    ("gpt-4o-mini", tiles(2833, 5667)),
    ("gpt-4o", tiles(85, 170)),
    ("chatgpt-4o", tiles(85, 170)),
    ("gpt-4.1-mini", patches(162)),
    ("gpt-4.1-nano", patches(246)),
    ("gpt-4.1", tiles(85, 170)),
    ("gpt-4.5", tiles(85, 170)),
    ("gpt-4", tiles(85, 170)),
    ("gpt-5.4-mini", patches(162)),
    ("gpt-5.4-nano", patches(246)),
    ("gpt-5.4", LARGE_PATCHES),
    ("gpt-5.5", LARGE_PATCHES),
    ("gpt-5-mini", patches(162)),
    ("gpt-5-nano", patches(246)),
    ("gpt-5", tiles(70, 140)),
    ("gpt-6", LARGE_PATCHES),
    ("o4-mini", patches(172)),
    ("o1", tiles(75, 150)),
    ("o3", tiles(75, 150)),
    ("computer-use-preview", tiles(65, 129)),
    ("claude-opus-4-7", ImageRule::Pixels { longest: 2576, most: 4784 }),
    ("claude-opus-4-8", ImageRule::Pixels { longest: 2576, most: 4784 }),
    ("claude-opus-5", ImageRule::Pixels { longest: 2576, most: 4784 }),
    ("claude-sonnet-5", ImageRule::Pixels { longest: 2576, most: 4784 }),
    ("claude", ImageRule::Pixels { longest: 1568, most: 1568 }),
    ("gemini", ImageRule::Crops),
    ("gemma", ImageRule::Crops),
];

impl ImageRule {
    /// The rule for the model with this name. An unknown model counts like GPT-4o.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        let name = base_name(name);
        let begins = |beginning: &str| {
            name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
        };
        RULES.iter().find(|(beginning, _)| begins(beginning)).map_or(tiles(85, 170), |(_, rule)| *rule)
    }

    /// Number of tokens of an image.
    #[must_use]
    pub fn tokens(self, image: Image) -> usize {
        let (width, height) = (f64::from(image.width.max(1)), f64::from(image.height.max(1)));
        match self {
            Self::Tiles { base, .. } if image.detail == Detail::Low => base,
            Self::Tiles { base, tile } => base + tile * tile_count(width, height),
            Self::Patches { budget, original_budget, percent } => {
                let budget = match image.detail {
                    Detail::Low => budget.min(LOW_PATCHES),
                    Detail::Auto | Detail::High => budget,
                    Detail::Original => original_budget,
                };
                let patches = patch_count(width, height, budget);
                (patches as usize).saturating_mul(percent as usize).div_ceil(100)
            }
            Self::Pixels { longest, most } => {
                let scale = (f64::from(longest) / width.max(height)).min(1.0);
                whole(width * scale * height * scale / PIXELS_PER_TOKEN).min(most)
            }
            Self::Crops if image.width <= CROP_SMALL && image.height <= CROP_SMALL => CROP_TOKENS,
            Self::Crops => {
                let crops = |side: u32| side.max(1).div_ceil(CROP_SIDE) as usize;
                CROP_TOKENS * crops(image.width) * crops(image.height)
            }
        }
    }
}

/// Tiles of an image that is scaled to fit; it is never enlarged.
fn tile_count(width: f64, height: f64) -> usize {
    let fit = (TILES_FIT / width.max(height)).min(1.0);
    let short = (TILES_SHORT_SIDE / (width * fit).min(height * fit)).min(1.0);
    let tiles = |side: f64| whole(round(side * fit * short).max(1.0) / TILE);
    tiles(width) * tiles(height)
}

/// Patches of an image that is made to fit the budget, by the formula of the guide: smaller by the root of how much it
/// is over, and then so much more that whole patches fit in one direction.
fn patch_count(width: f64, height: f64, budget: u32) -> u32 {
    let count = |width: f64, height: f64| whole(width / PATCH).saturating_mul(whole(height / PATCH));
    let most = budget as usize;
    let mut patches = count(width, height);
    if patches > most {
        let shrink = sqrt(PATCH * PATCH * f64::from(budget) / (width * height));
        let (columns, rows) = (width * shrink / PATCH, height * shrink / PATCH);
        let adjusted = shrink * (floor(columns).max(1.0) / columns).min(floor(rows).max(1.0) / rows);
        // What is left after rounding to whole pixels.
        patches = count(floor(width * adjusted).max(1.0), floor(height * adjusted).max(1.0)).min(most);
    }
    u32::try_from(patches).unwrap_or(u32::MAX)
}

/// The next whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides of images are neither negative nor too large, and a cast from float saturates"
)]
fn whole(number: f64) -> usize {
    ceil(number) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(model: &str, width: u32, height: u32, detail: Detail) -> usize {
        ImageRule::for_model(model).tokens(Image { width, height, detail })
    }

    #[test]
    fn tiles_are_those_of_the_guide() {
        assert_eq!(tokens("gpt-4o", 1024, 1024, Detail::High), 765);
        assert_eq!(tokens("gpt-4o", 2048, 4096, Detail::High), 1105);
        assert_eq!(tokens("gpt-4o", 4096, 8192, Detail::Low), 85);
        assert_eq!(tokens("gpt-4o-mini", 128, 64, Detail::High), 8500);
        assert_eq!(tokens("gpt-5", 512, 512, Detail::Auto), 210);
        assert_eq!(tokens("o3", 128, 64, Detail::High), 225);
        // What the API billed for these, less eight for the message: sides are rounded to whole pixels.
        assert_eq!(tokens("gpt-4.1", 2049, 513, Detail::High), 1445);
        assert_eq!(tokens("gpt-4.1", 2050, 513, Detail::High), 765);
    }

    #[test]
    fn patches_are_those_of_the_guide() {
        assert_eq!(tokens("gpt-4.1-mini", 1024, 1024, Detail::High), 1659);
        // 1,452 patches.
        assert_eq!(tokens("gpt-4.1-mini", 1800, 2400, Detail::High), 2353);
        assert_eq!(tokens("o4-mini", 128, 64, Detail::High), 14);
        assert_eq!(tokens("gpt-6", 1024, 1024, Detail::High), 1024);
        assert!(
            tokens("gpt-5.4", 6000, 1700, Detail::Original) > tokens("gpt-5.4", 6000, 1700, Detail::High)
        );
    }

    #[test]
    fn other_vendors_have_their_own() {
        assert_eq!(tokens("claude-sonnet-4-5", 1000, 1000, Detail::Auto), 1334);
        assert_eq!(tokens("claude-sonnet-4-5", 8000, 8000, Detail::Auto), 1568);
        assert_eq!(tokens("claude-opus-4-7", 2000, 1500, Detail::Auto), 4000);
        assert_eq!(tokens("gemini-2.5-pro", 384, 384, Detail::Auto), 258);
        assert_eq!(tokens("gemini-2.5-pro", 960, 540, Detail::Auto), 516);
    }

    #[test]
    fn any_size_has_a_count_within_bounds() {
        for (_, rule) in RULES {
            for width in [0, 1, 31, 33, 512, 769, 2049, 65_535, u32::MAX] {
                for height in [0, 1, 32, 768, 2048, 8000, u32::MAX] {
                    for detail in [Detail::Low, Detail::Auto, Detail::High, Detail::Original] {
                        let tokens = rule.tokens(Image { width, height, detail });
                        let bounded = *rule == ImageRule::Crops || tokens < 100_000;
                        assert!(tokens > 0 && bounded, "{rule:?} {width}x{height}: {tokens}");
                    }
                }
            }
        }
    }
}
