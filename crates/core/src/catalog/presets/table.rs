//! The table.

use super::model::{JSON_SCHEMA, PresetModel, REASONING, SLOW, TOOLS, VISION};
use super::preset::Auth::{ApiKeyHeader, AwsSignature, Bearer, QueryKey, ServiceAccount, XApiKey};
use super::preset::{Auth, Preset, Region};
use crate::provider::Quirk;

/// The defaults of a row.
const BASE: Preset = Preset {
    id: "",
    name: "",
    kind: "openai",
    server_url: None,
    regions: &[],
    placeholders: &[],
    auth: Bearer,
    docs: "",
    models: &[],
    quirks: &[],
};

const GEMINI: &[PresetModel] = &[
    PresetModel::new("gemini-3.8-flash", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING).output(65_536),
    PresetModel::new("gemini-3.1-pro-preview", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING | SLOW)
        .output(65_536),
    PresetModel::new("gemini-3.1-flash-lite", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(65_536)
        .until("2027-05-07"),
    PresetModel::new("gemini-2.5-pro", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(65_536)
        .until("2026-12-01")
        .then("gemini-3.1-pro-preview"),
    PresetModel::new("gemini-2.5-flash", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(65_536)
        .until("2026-12-01")
        .then("gemini-3.8-flash"),
];

/// The same on Vertex AI, which retires them on other days.
const VERTEX: &[PresetModel] = &[
    PresetModel::new("gemini-3.8-flash", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING).output(65_536),
    PresetModel::new("gemini-3.1-pro-preview", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING | SLOW)
        .output(65_536),
    PresetModel::new("gemini-3.1-flash-lite", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(65_536)
        .until("2027-05-07"),
    PresetModel::new("gemini-2.5-pro", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(65_535)
        .until("2026-10-20")
        .then("gemini-3.1-pro-preview"),
    PresetModel::new("gemini-2.5-flash", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(65_535)
        .until("2026-10-20")
        .then("gemini-3.8-flash"),
];

/// Models of two rows.
const QWEN: &[PresetModel] = &[
    PresetModel::new("qwen3.8-max", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING).output(131_072),
    PresetModel::new("qwen3.7-max", 1_000_000, TOOLS | JSON_SCHEMA | REASONING).output(65_536),
    PresetModel::new("qwen3.7-plus", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING).output(65_536),
    PresetModel::new("qwen3.6-flash", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING),
    PresetModel::new("qwen3-max", 262_144, TOOLS | JSON_SCHEMA | REASONING)
        .output(65_536)
        .deprecated()
        .then("qwen3.7-max"),
    PresetModel::new("qwen-plus", 1_000_000, TOOLS | JSON_SCHEMA | REASONING),
    PresetModel::new("qwen-flash", 1_000_000, TOOLS | JSON_SCHEMA | REASONING).output(32_768),
    PresetModel::new("qwen3-vl-plus", 262_144, VISION | TOOLS | JSON_SCHEMA | REASONING).output(32_768),
    PresetModel::new("qwen-long", 10_000_000, 0),
];

/// Models of two rows.
const COHERE: &[PresetModel] = &[
    PresetModel::new("command-a-plus-05-2026", 128_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
        .output(64_000),
    PresetModel::new("command-a-03-2025", 256_000, TOOLS | JSON_SCHEMA).output(8_000),
    PresetModel::new("command-a-reasoning-08-2025", 256_000, TOOLS | JSON_SCHEMA | REASONING),
    PresetModel::new("command-a-vision-07-2025", 128_000, VISION | JSON_SCHEMA),
    PresetModel::new("command-r7b-12-2024", 128_000, TOOLS | JSON_SCHEMA).output(4_096),
];

/// All presets.
pub const PRESETS: &[Preset] = &[
    Preset {
        id: "openai",
        name: "OpenAI",
        server_url: Some("https://api.openai.com/v1"),
        docs: "https://platform.openai.com/docs/api-reference",
        models: &[
            PresetModel::new("gpt-6-astra", 1_050_000, VISION | TOOLS | JSON_SCHEMA | REASONING | SLOW)
                .output(128_000),
            PresetModel::new("gpt-5.6", 1_050_000, VISION | TOOLS | JSON_SCHEMA | REASONING).output(128_000),
            PresetModel::new("gpt-5.6-terra", 1_050_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new("gpt-5.6-luna", 1_050_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new("gpt-4.1", 1_047_576, VISION | TOOLS | JSON_SCHEMA)
                .output(32_768)
                .until("2027-01-14"),
            PresetModel::new("gpt-4o", 128_000, VISION | TOOLS | JSON_SCHEMA)
                .output(16_384)
                .until("2027-01-14"),
            PresetModel::new("gpt-4o-mini", 128_000, VISION | TOOLS | JSON_SCHEMA)
                .output(16_384)
                .until("2027-01-14"),
        ],
        quirks: &[Quirk::MaxCompletionTokens, Quirk::Responses, Quirk::ChatPassthrough],
        ..BASE
    },
    Preset {
        id: "anthropic",
        name: "Anthropic",
        kind: "anthropic",
        server_url: Some("https://api.anthropic.com/v1"),
        auth: XApiKey,
        docs: "https://platform.claude.com/docs/en/api/overview",
        models: &[
            PresetModel::new("claude-opus-5-5", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new("claude-sonnet-5-5", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new("claude-opus-5", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new("claude-sonnet-5", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new("claude-haiku-4-5", 200_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(64_000),
        ],
        quirks: &[Quirk::CacheControl],
        ..BASE
    },
    Preset {
        id: "bedrock",
        name: "Amazon Bedrock",
        kind: "bedrock",
        server_url: Some("https://bedrock-runtime.us-east-1.amazonaws.com"),
        regions: &[
            Region { name: "Oregon", server_url: "https://bedrock-runtime.us-west-2.amazonaws.com" },
            Region { name: "Frankfurt", server_url: "https://bedrock-runtime.eu-central-1.amazonaws.com" },
            Region { name: "Tokyo", server_url: "https://bedrock-runtime.ap-northeast-1.amazonaws.com" },
        ],
        auth: AwsSignature,
        docs: "https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html",
        models: &[
            PresetModel::new(
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                200_000,
                VISION | TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(64_000)
            .until("2027-04-08"),
            PresetModel::new(
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                200_000,
                VISION | TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(64_000),
            PresetModel::new("us.amazon.nova-pro-v1:0", 300_000, VISION | TOOLS).output(10_000),
            PresetModel::new("us.amazon.nova-lite-v1:0", 300_000, VISION | TOOLS).output(10_000),
            PresetModel::new("us.meta.llama3-3-70b-instruct-v1:0", 128_000, TOOLS)
                .output(4_096)
                .until("2027-03-30"),
            PresetModel::new("openai.gpt-oss-120b-1:0", 128_000, TOOLS | REASONING).output(16_384),
        ],
        ..BASE
    },
    Preset {
        id: "gemini",
        name: "Google Gemini",
        kind: "gemini",
        server_url: Some("https://generativelanguage.googleapis.com/v1beta"),
        auth: QueryKey,
        docs: "https://ai.google.dev/gemini-api/docs",
        models: GEMINI,
        ..BASE
    },
    Preset {
        id: "vertex_ai",
        name: "Google Vertex AI",
        kind: "vertex",
        server_url: Some(
            "https://aiplatform.googleapis.com/v1/projects/YOUR-PROJECT/locations/global/publishers/google",
        ),
        placeholders: &["YOUR-PROJECT"],
        auth: ServiceAccount,
        docs: "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest",
        models: VERTEX,
        ..BASE
    },
    Preset {
        id: "azure_openai",
        name: "Azure OpenAI",
        kind: "azure_openai",
        server_url: Some("https://YOUR-RESOURCE.openai.azure.com"),
        placeholders: &["YOUR-RESOURCE"],
        auth: ApiKeyHeader,
        docs: "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        quirks: &[Quirk::MaxCompletionTokens, Quirk::Responses, Quirk::ChatPassthrough],
        ..BASE
    },
    Preset {
        id: "kimi",
        name: "Moonshot Kimi",
        server_url: Some("https://api.moonshot.cn/v1"),
        regions: &[Region { name: "International", server_url: "https://api.moonshot.ai/v1" }],
        docs: "https://platform.moonshot.cn/docs",
        models: &[
            PresetModel::new("kimi-k3", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING | SLOW),
            PresetModel::new("kimi-k2.7-code", 262_144, VISION | TOOLS | REASONING),
            PresetModel::new("kimi-k2.6", 262_144, VISION | TOOLS | REASONING),
            PresetModel::new("moonshot-v1-128k", 131_072, TOOLS).until("2026-08-31").then("kimi-k2.6"),
            PresetModel::new("moonshot-v1-128k-vision-preview", 131_072, VISION | TOOLS)
                .until("2026-08-31")
                .then("kimi-k2.6"),
        ],
        ..BASE
    },
    Preset {
        id: "deepseek",
        name: "DeepSeek",
        server_url: Some("https://api.deepseek.com/v1"),
        docs: "https://api-docs.deepseek.com",
        models: &[
            PresetModel::new("deepseek-v4-pro", 1_000_000, TOOLS | JSON_SCHEMA | REASONING | SLOW)
                .output(393_216),
            PresetModel::new("deepseek-flash", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(393_216),
            PresetModel::new("deepseek-chat", 131_072, TOOLS)
                .output(8_192)
                .until("2026-07-24")
                .then("deepseek-flash"),
            PresetModel::new("deepseek-reasoner", 131_072, TOOLS | REASONING | SLOW)
                .output(65_536)
                .until("2026-07-24")
                .then("deepseek-flash"),
        ],
        ..BASE
    },
    Preset {
        id: "qwen",
        name: "Alibaba Qwen (OpenAI-compatible)",
        server_url: Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        regions: &[
            Region {
                name: "Singapore",
                server_url: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            },
            Region { name: "Virginia", server_url: "https://dashscope-us.aliyuncs.com/compatible-mode/v1" },
        ],
        docs: "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        models: QWEN,
        quirks: &[Quirk::CacheControl],
        ..BASE
    },
    Preset {
        id: "qwen_native",
        name: "Alibaba Qwen (DashScope)",
        kind: "dashscope",
        server_url: Some("https://dashscope.aliyuncs.com/api/v1"),
        regions: &[
            Region { name: "Singapore", server_url: "https://dashscope-intl.aliyuncs.com/api/v1" },
            Region { name: "Virginia", server_url: "https://dashscope-us.aliyuncs.com/api/v1" },
        ],
        docs: "https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope",
        models: QWEN,
        quirks: &[Quirk::CacheControl],
        ..BASE
    },
    Preset {
        id: "baichuan",
        name: "Baichuan",
        server_url: Some("https://api.baichuan-ai.com/v1"),
        docs: "https://platform.baichuan-ai.com/docs/api",
        models: &[
            PresetModel::new("Baichuan4-Turbo", 32_768, TOOLS),
            PresetModel::new("Baichuan4-Air", 32_768, TOOLS),
            PresetModel::new("Baichuan4", 32_768, TOOLS),
            PresetModel::new("Baichuan3-Turbo-128k", 128_000, TOOLS),
        ],
        quirks: &[Quirk::NoJsonSchema, Quirk::NoDeveloperRole],
        ..BASE
    },
    Preset {
        id: "zhipu",
        name: "Zhipu GLM",
        server_url: Some("https://open.bigmodel.cn/api/paas/v4/"),
        regions: &[Region { name: "International", server_url: "https://api.z.ai/api/paas/v4/" }],
        docs: "https://docs.bigmodel.cn/cn/guide/develop/openai/introduction",
        models: &[
            PresetModel::new("glm-5.3", 1_000_000, TOOLS | REASONING).output(128_000),
            PresetModel::new("glm-5.3-flash", 1_000_000, VISION | TOOLS | REASONING).output(128_000),
            PresetModel::new("glm-5.2", 1_000_000, TOOLS | REASONING).output(128_000),
            PresetModel::new("glm-4.7", 204_800, TOOLS | REASONING).output(128_000),
            PresetModel::new("glm-4.6v", 131_072, VISION | TOOLS | REASONING),
        ],
        quirks: &[
            Quirk::MaxTokensOnly,
            Quirk::NoStreamOptions,
            Quirk::ToolChoiceAutoOnly,
            Quirk::NoJsonSchema,
            Quirk::NoDeveloperRole,
        ],
        ..BASE
    },
    Preset {
        id: "ernie",
        name: "Baidu ERNIE (Qianfan)",
        server_url: Some("https://qianfan.baidubce.com/v2/"),
        docs: "https://cloud.baidu.com/doc/qianfan/s/rmh4stn9m",
        models: &[
            PresetModel::new("ernie-5.1", 131_072, TOOLS),
            PresetModel::new("ernie-5.0-thinking-preview", 131_072, TOOLS | REASONING | SLOW),
            PresetModel::new("ernie-4.5-turbo-128k", 131_072, TOOLS),
            PresetModel::new("ernie-4.0-turbo-128k", 131_072, TOOLS),
            PresetModel::new("ernie-3.5-128k", 131_072, TOOLS),
        ],
        quirks: &[Quirk::NoDeveloperRole],
        ..BASE
    },
    Preset {
        id: "mistral",
        name: "Mistral",
        server_url: Some("https://api.mistral.ai/v1"),
        docs: "https://docs.mistral.ai/api",
        models: &[
            PresetModel::new("mistral-medium-3.5", 262_144, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new("mistral-large-2512", 262_144, VISION | TOOLS | JSON_SCHEMA).until("2027-04-30"),
            PresetModel::new("mistral-small-2603", 262_144, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new("devstral-2512", 262_144, TOOLS | JSON_SCHEMA).gone().then("mistral-medium-3.5"),
            PresetModel::new("codestral-2508", 128_000, TOOLS | JSON_SCHEMA),
            PresetModel::new("magistral-medium-2509", 128_000, TOOLS | JSON_SCHEMA | REASONING)
                .gone()
                .then("mistral-medium-3.5"),
        ],
        quirks: &[Quirk::MaxTokensOnly, Quirk::NoDeveloperRole],
        ..BASE
    },
    Preset {
        id: "groq",
        name: "Groq",
        server_url: Some("https://api.groq.com/openai/v1"),
        docs: "https://console.groq.com/docs/openai",
        models: &[
            PresetModel::new("openai/gpt-oss-120b", 131_072, TOOLS | JSON_SCHEMA | REASONING).output(65_536),
            PresetModel::new("openai/gpt-oss-20b", 131_072, TOOLS | JSON_SCHEMA | REASONING).output(65_536),
            PresetModel::new("qwen/qwen3.8-27b", 131_072, VISION | TOOLS | REASONING).output(16_384),
            PresetModel::new("qwen/qwen3-32b", 131_072, TOOLS | REASONING),
        ],
        ..BASE
    },
    Preset {
        id: "xai",
        name: "xAI",
        server_url: Some("https://api.x.ai/v1"),
        docs: "https://docs.x.ai/docs/api-reference",
        models: &[
            PresetModel::new("grok-4.6", 500_000, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new("grok-4.5", 500_000, VISION | TOOLS | JSON_SCHEMA | REASONING | SLOW),
            PresetModel::new("grok-4.3", 1_000_000, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new("grok-build-0.1", 256_000, VISION | TOOLS | JSON_SCHEMA | REASONING),
        ],
        ..BASE
    },
    Preset {
        id: "openrouter",
        name: "OpenRouter",
        server_url: Some("https://openrouter.ai/api/v1"),
        docs: "https://openrouter.ai/docs/api-reference/overview",
        models: &[
            PresetModel::new("openrouter/auto", 0, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new(
                "openai/gpt-6-astra",
                1_050_000,
                VISION | TOOLS | JSON_SCHEMA | REASONING | SLOW,
            )
            .output(128_000),
            PresetModel::new("openai/gpt-5.6-terra", 1_050_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new(
                "anthropic/claude-opus-5.5",
                1_000_000,
                VISION | TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(128_000),
            PresetModel::new("google/gemini-3.8-flash", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(65_536),
            PresetModel::new("moonshotai/kimi-k3", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING),
        ],
        quirks: &[Quirk::CacheControl],
        ..BASE
    },
    Preset {
        id: "together",
        name: "Together AI",
        server_url: Some("https://api.together.ai/v1"),
        docs: "https://docs.together.ai/docs/openai-api-compatibility",
        models: &[
            PresetModel::new("moonshotai/Kimi-K3", 1_048_576, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new("deepseek-ai/DeepSeek-V4.1-Flash", 1_000_000, TOOLS | REASONING),
            PresetModel::new("zai-org/GLM-5.3", 1_048_575, TOOLS | REASONING).output(128_000),
            PresetModel::new("Qwen/Qwen3.7-Max", 1_000_000, TOOLS | REASONING),
            PresetModel::new("meta-llama/Llama-3.3-70B-Instruct-Turbo", 131_072, TOOLS | JSON_SCHEMA)
                .until("2026-10-22"),
        ],
        ..BASE
    },
    Preset {
        id: "fireworks",
        name: "Fireworks AI",
        server_url: Some("https://api.fireworks.ai/inference/v1"),
        docs: "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        models: &[
            PresetModel::new(
                "accounts/fireworks/models/kimi-k3",
                1_048_576,
                VISION | TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(131_072),
            PresetModel::new(
                "accounts/fireworks/models/deepseek-v4-pro-0813",
                1_048_576,
                TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(131_072)
            .until("2026-09-25"),
            PresetModel::new("accounts/fireworks/models/glm-5p3", 1_048_576, TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000),
            PresetModel::new(
                "accounts/fireworks/models/qwen3p8-max",
                262_144,
                VISION | TOOLS | JSON_SCHEMA | REASONING,
            ),
            PresetModel::new(
                "accounts/fireworks/models/gpt-oss-120b",
                131_072,
                TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(32_768)
            .until("2026-11-07"),
        ],
        ..BASE
    },
    Preset {
        id: "perplexity",
        name: "Perplexity",
        server_url: Some("https://api.perplexity.ai/"),
        docs: "https://docs.perplexity.ai/guides/chat-completions-guide",
        models: &[
            PresetModel::new("sonar", 128_000, VISION | JSON_SCHEMA).until("2026-09-27"),
            PresetModel::new("sonar-pro", 200_000, VISION | JSON_SCHEMA).output(8_000).until("2026-09-27"),
            PresetModel::new("sonar-reasoning-pro", 128_000, VISION | JSON_SCHEMA | REASONING | SLOW)
                .until("2026-09-27"),
            PresetModel::new("sonar-deep-research", 128_000, JSON_SCHEMA | REASONING | SLOW)
                .until("2026-09-27"),
        ],
        quirks: &[Quirk::MaxTokensOnly, Quirk::NoDeveloperRole, Quirk::ThinkTags],
        ..BASE
    },
    Preset {
        id: "cohere",
        name: "Cohere (OpenAI-compatible)",
        server_url: Some("https://api.cohere.ai/compatibility/v1"),
        docs: "https://docs.cohere.com/docs/compatibility-api",
        models: COHERE,
        quirks: &[Quirk::NoStreamOptions],
        ..BASE
    },
    Preset {
        id: "cohere_native",
        name: "Cohere",
        kind: "cohere",
        server_url: Some("https://api.cohere.com"),
        docs: "https://docs.cohere.com/v2/reference/chat",
        models: COHERE,
        ..BASE
    },
    Preset {
        id: "minimax",
        name: "MiniMax",
        server_url: Some("https://api.minimax.io/v1"),
        regions: &[Region { name: "China", server_url: "https://api.minimaxi.com/v1" }],
        docs: "https://platform.minimax.io/docs/api-reference/text-openai-api",
        models: &[
            PresetModel::new("MiniMax-M3", 1_000_000, VISION | TOOLS | REASONING).output(128_000),
            PresetModel::new("MiniMax-M2.7", 204_800, TOOLS | REASONING).deprecated().then("MiniMax-M3"),
            PresetModel::new("MiniMax-M2.5", 204_800, TOOLS | REASONING).deprecated().then("MiniMax-M3"),
            PresetModel::new("MiniMax-M2", 204_800, TOOLS | REASONING).deprecated().then("MiniMax-M3"),
        ],
        quirks: &[
            Quirk::MaxCompletionTokens,
            Quirk::ToolChoiceAutoOnly,
            Quirk::NoJsonSchema,
            Quirk::ThinkTags,
        ],
        ..BASE
    },
    Preset {
        id: "siliconflow",
        name: "SiliconFlow",
        server_url: Some("https://api.siliconflow.cn/v1"),
        regions: &[Region { name: "International", server_url: "https://api.siliconflow.com/v1" }],
        docs: "https://docs.siliconflow.cn/cn/api-reference/chat-completions/chat-completions",
        models: &[
            PresetModel::new("Pro/zai-org/GLM-5.1", 202_752, TOOLS | REASONING),
            PresetModel::new("Qwen/Qwen3.6-27B", 262_144, VISION | TOOLS),
        ],
        quirks: &[Quirk::MaxTokensOnly, Quirk::NoDeveloperRole],
        ..BASE
    },
    Preset {
        id: "volcengine",
        name: "Volcengine Ark (Doubao)",
        server_url: Some("https://ark.cn-beijing.volces.com/api/v3/"),
        docs: "https://www.volcengine.com/docs/82379/1298454",
        models: &[
            PresetModel::new("doubao-seed-2-1-pro-260628", 256_000, VISION | TOOLS | JSON_SCHEMA | REASONING),
            PresetModel::new("doubao-seed-2-1-turbo-260628", 256_000, VISION | TOOLS | REASONING),
            PresetModel::new(
                "doubao-seed-2-0-lite-260428",
                256_000,
                VISION | TOOLS | JSON_SCHEMA | REASONING,
            )
            .output(128_000),
            PresetModel::new("doubao-seed-2-0-pro-260215", 256_000, VISION | TOOLS | JSON_SCHEMA | REASONING)
                .output(128_000)
                .deprecated()
                .then("doubao-seed-2-1-pro-260628"),
        ],
        quirks: &[Quirk::NoDeveloperRole],
        ..BASE
    },
    Preset {
        id: "ollama",
        name: "Ollama",
        server_url: Some("http://localhost:11434/v1"),
        auth: Auth::None,
        docs: "https://docs.ollama.com/api/openai-compatibility",
        quirks: &[Quirk::MaxTokensOnly],
        ..BASE
    },
    Preset {
        id: "vllm",
        name: "vLLM",
        server_url: Some("http://localhost:8000/v1"),
        docs: "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        ..BASE
    },
    Preset {
        id: "lm_studio",
        name: "LM Studio",
        server_url: Some("http://localhost:1234/v1"),
        auth: Auth::None,
        docs: "https://lmstudio.ai/docs/developer/openai-compat",
        quirks: &[Quirk::MaxTokensOnly],
        ..BASE
    },
    Preset {
        id: "dify",
        name: "Dify",
        kind: "dify",
        server_url: Some("https://api.dify.ai/v1"),
        docs: "https://docs.dify.ai/en/api-reference/guides/get-started",
        models: &[PresetModel::new("app", 0, 0)],
        quirks: &[Quirk::NeedsUser, Quirk::KeepsConversation],
        ..BASE
    },
    Preset {
        id: "workers_ai",
        name: "Cloudflare Workers AI",
        kind: "openai",
        server_url: Some("https://api.cloudflare.com/client/v4/accounts/YOUR-ACCOUNT/ai/v1"),
        placeholders: &["YOUR-ACCOUNT"],
        auth: Bearer,
        docs: "https://developers.cloudflare.com/workers-ai/",
        models: &[
            PresetModel::new("@cf/moonshotai/kimi-k2.6", 262_144, VISION | TOOLS | REASONING),
            PresetModel::new(
                "@cf/meta/llama-4-scout-17b-16e-instruct",
                131_072,
                VISION | TOOLS | JSON_SCHEMA,
            ),
            PresetModel::new("@cf/meta/llama-3.3-70b-instruct-fp8-fast", 24_000, TOOLS | JSON_SCHEMA),
            PresetModel::new("@cf/google/gemma-4-26b-a4b-it", 256_000, VISION | TOOLS | REASONING),
        ],
        quirks: &[Quirk::OddReplies],
        ..BASE
    },
    Preset {
        id: "workers_ai_binding",
        name: "Cloudflare Workers AI (binding)",
        kind: "workers_ai",
        auth: Auth::None,
        docs: "https://developers.cloudflare.com/workers-ai/configuration/bindings/",
        models: &[
            PresetModel::new("@cf/moonshotai/kimi-k2.6", 262_144, VISION | TOOLS | REASONING),
            PresetModel::new(
                "@cf/meta/llama-4-scout-17b-16e-instruct",
                131_072,
                VISION | TOOLS | JSON_SCHEMA,
            ),
            PresetModel::new("@cf/meta/llama-3.3-70b-instruct-fp8-fast", 24_000, TOOLS | JSON_SCHEMA),
            PresetModel::new("@cf/google/gemma-4-26b-a4b-it", 256_000, VISION | TOOLS | REASONING),
        ],
        ..BASE
    },
    Preset {
        id: "demo",
        name: "Demo",
        kind: "demo",
        auth: Auth::None,
        models: &[PresetModel::new("echo", 0, 0), PresetModel::new("script", 0, 0)],
        ..BASE
    },
];
