// LiteLLM's proxy: a Python server, one worker process. It has its master key and no database, so it authenticates callers and
// records nothing.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { ensureLitellm, VERSION } from "../../peers/litellm/litellm.mjs";
import { ANTHROPIC_MODEL, MODEL } from "../../payload.mjs";
import { startServer } from "../../server.mjs";

export const name = "litellm";
export const about = `LiteLLM's proxy ${VERSION}, one process, no database`;
export const peer = true;
/** It is so slow that more load gives no more information. */
export const rounds = 2;
export const scenarios =
  /^(chat-1k-c1|chat-1k-c16|chat-100k-c16|stream-first-byte-c1|stream-flood-c50|translate-flood-c50)$/;
export const rewritesBody = true;
export const rewritesAnswer = true;
export const install = ensureLitellm;

const KEY = "sk-bench-litellm";

export const headersFor = () => ({ authorization: `Bearer ${KEY}` });

export async function start({ upstream, scratch, port }) {
  const { python, script } = await ensureLitellm();
  const config = path.join(scratch, "litellm.yaml");
  const model = (model_name, model, api_base) => ({
    model_name,
    litellm_params: { model, api_base, api_key: "sk-bench" },
  });
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      model_list: [
        model(MODEL, `openai/${MODEL}`, `${upstream.url}/v1`),
        model(ANTHROPIC_MODEL, `anthropic/${ANTHROPIC_MODEL}`, upstream.url),
      ],
      general_settings: { master_key: KEY },
      litellm_settings: { num_retries: 0, telemetry: false },
    }),
  );
  const env = {
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
    LITELLM_LOG: "ERROR",
    LITELLM_MODE: "PRODUCTION",
    PYTHONUNBUFFERED: "1",
  };
  const args = (port) => [
    script,
    "--config",
    config,
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--num_workers",
    "1",
    "--telemetry",
    "False",
  ];
  const started = await startServer(python, args, env, { withinMs: 180_000, cwd: scratch, port });
  const target = { url: `${started.url}/v1/chat/completions`, headers: headersFor() };
  return { ...started, ...target, translates: { ...target, model: ANTHROPIC_MODEL } };
}
