//! What each encoding is made of: a pattern, a vocabulary, special tokens.

use alloc::vec::Vec;

#[cfg(feature = "deepseek")]
use super::scan::deepseek::DeepSeek;
#[cfg(feature = "glm")]
use super::scan::glm::Glm;
#[cfg(feature = "kimi")]
use super::scan::kimi::Kimi;
#[cfg(feature = "qwen")]
use super::scan::qwen::Qwen;
#[cfg(feature = "mistral")]
use super::scan::tekken::Tekken;
use super::{
    scan::{self, Scanner, cl100k::Cl100k, o200k::O200k},
    special::Specials,
    tables, text,
    vocabulary::Vocabulary,
};
use crate::encoding::Encoding;

/// How an encoding counts.
pub struct Engine {
    pub vocabulary: &'static Vocabulary,
    pub specials: &'static Specials,
    pub count: fn(&Vocabulary, &[u8], usize) -> Option<usize>,
    pub encode: fn(&'static Vocabulary, &[u8], &mut Vec<u32>),
    pub last_cut: fn(&[u8], usize) -> Option<usize>,
}

impl Engine {
    const fn new<S: Scanner>(vocabulary: &'static Vocabulary, specials: &'static Specials) -> Self {
        Self {
            vocabulary,
            specials,
            count: text::count::<S>,
            encode: text::encode::<S>,
            last_cut: scan::last_cut::<S>,
        }
    }
}

impl Encoding {
    pub(super) const fn engine(self) -> &'static Engine {
        match self {
            Self::O200kBase => const { &Engine::new::<O200k>(&tables::O200K, &tables::O200K_SPECIALS) },
            Self::O200kHarmony => {
                const { &Engine::new::<O200k>(&tables::O200K, &tables::O200K_HARMONY_SPECIALS) }
            }
            Self::Cl100kBase => const { &Engine::new::<Cl100k>(&tables::CL100K, &tables::CL100K_SPECIALS) },
            #[cfg(feature = "qwen")]
            Self::Qwen2 => const { &Engine::new::<Qwen>(&tables::QWEN, &tables::QWEN_SPECIALS) },
            #[cfg(feature = "deepseek")]
            Self::DeepSeekV3 => {
                const { &Engine::new::<DeepSeek>(&tables::DEEPSEEK, &tables::DEEPSEEK_SPECIALS) }
            }
            #[cfg(feature = "kimi")]
            Self::KimiK2 => const { &Engine::new::<Kimi>(&tables::KIMI, &tables::KIMI_SPECIALS) },
            #[cfg(feature = "glm")]
            Self::Glm4 => const { &Engine::new::<Glm>(&tables::GLM4, &tables::GLM4_SPECIALS) },
            #[cfg(feature = "glm")]
            Self::Glm5 => const { &Engine::new::<Glm>(&tables::GLM5, &tables::GLM5_SPECIALS) },
            #[cfg(feature = "mistral")]
            Self::Tekken => const { &Engine::new::<Tekken>(&tables::TEKKEN, &tables::TEKKEN_SPECIALS) },
            // Its pattern is that of `o200k_base`.
            #[cfg(feature = "minimax")]
            Self::MiniMaxM2 => const { &Engine::new::<O200k>(&tables::MINIMAX, &tables::MINIMAX_SPECIALS) },
        }
    }
}
