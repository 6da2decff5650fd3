// How programs are set to use the gateway: files and commands for each, with the gateway's address and a model filled in. The key is
// always `$NEXUS_API_KEY` or a word in its place, never a key.

export interface ClientGuide {
  id: string;
  name: string;
  /** What is told apart in shells: files are the same everywhere. */
  blocks: { label: string; text: string }[];
  /** Settings of a program with a window, by the names of its fields. */
  fields?: { label: string; value: string }[];
}

export interface Setting {
  origin: string;
  model: string;
  shell: Shell;
}
export type Shell = "unix" | "powershell";

/** Environment variables in the words of a shell. */
export function environment(shell: Shell, variables: Record<string, string>): string {
  const line = ([name, value]: [string, string]) =>
    shell === "unix"
      ? `export ${name}=${value}`
      : `$env:${name} = ${value.startsWith("$") ? value.replace("$", "$env:") : `"${value}"`}`;
  return Object.entries(variables).map(line).join("\n");
}

const KEY = "$NEXUS_API_KEY";

export function guides({ origin, model, shell }: Setting): ClientGuide[] {
  const env = (variables: Record<string, string>) => environment(shell, variables);
  const label = shell === "unix" ? "sh" : "PowerShell";
  return [
    {
      id: "claude-code",
      name: "Claude Code",
      blocks: [
        {
          label,
          text: `${env({ ANTHROPIC_BASE_URL: origin, ANTHROPIC_AUTH_TOKEN: KEY, ANTHROPIC_MODEL: model, ANTHROPIC_SMALL_FAST_MODEL: model })}\nclaude`,
        },
      ],
    },
    {
      id: "codex",
      name: "Codex",
      blocks: [
        {
          label: "~/.codex/config.toml",
          text: `model = ${JSON.stringify(model)}\nmodel_provider = "nexus"\n\n[model_providers.nexus]\nname = "Nexus Edge"\nbase_url = ${JSON.stringify(`${origin}/v1`)}\nenv_key = "NEXUS_API_KEY"\nwire_api = "responses"`,
        },
        { label, text: "codex" },
      ],
    },
    {
      id: "gemini-cli",
      name: "Gemini CLI",
      blocks: [
        { label: "~/.gemini/settings.json", text: '{ "security": { "auth": { "selectedType": "gemini-api-key" } } }' },
        { label, text: `${env({ GOOGLE_GEMINI_BASE_URL: origin, GEMINI_API_KEY: KEY })}\ngemini -m ${model}` },
      ],
    },
    {
      id: "curl",
      name: "curl",
      blocks: [
        {
          label: "sh",
          text: `curl ${origin}/v1/chat/completions \\\n  -H "Authorization: Bearer $NEXUS_API_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify({ model, messages: [{ role: "user", content: "Hello!" }] }).replaceAll("'", "'\\''")}'`,
        },
      ],
    },
    {
      id: "openai",
      name: "OpenAI SDK",
      blocks: [
        {
          label: "Python",
          text: `import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url=${JSON.stringify(`${origin}/v1`)}, api_key=os.environ["NEXUS_API_KEY"])\nanswer = client.chat.completions.create(\n    model=${JSON.stringify(model)},\n    messages=[{"role": "user", "content": "Hello!"}],\n)\nprint(answer.choices[0].message.content)`,
        },
        {
          label: "Node",
          text: `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: ${JSON.stringify(`${origin}/v1`)}, apiKey: process.env.NEXUS_API_KEY });\nconst answer = await client.chat.completions.create({\n  model: ${JSON.stringify(model)},\n  messages: [{ role: "user", content: "Hello!" }],\n});\nconsole.log(answer.choices[0].message.content);`,
        },
      ],
    },
    {
      id: "anthropic",
      name: "Anthropic SDK",
      blocks: [
        {
          label: "Python",
          text: `import os\nfrom anthropic import Anthropic\n\nclient = Anthropic(base_url=${JSON.stringify(origin)}, api_key=os.environ["NEXUS_API_KEY"])\nanswer = client.messages.create(\n    model=${JSON.stringify(model)}, max_tokens=1024,\n    messages=[{"role": "user", "content": "Hello!"}],\n)\nprint(answer.content[0].text)`,
        },
      ],
    },
    {
      id: "google",
      name: "Google Gen AI SDK",
      blocks: [
        {
          label: "Python",
          text: `import os\nfrom google import genai\n\nclient = genai.Client(api_key=os.environ["NEXUS_API_KEY"], http_options={"base_url": ${JSON.stringify(origin)}})\nprint(client.models.generate_content(model=${JSON.stringify(model)}, contents="Hello!").text)`,
        },
      ],
    },
    ...["Cherry Studio", "LobeChat", "Open WebUI"].map((name) => ({
      id: name.toLowerCase().replace(" ", "-"),
      name,
      blocks: [],
      fields: [
        { label: "API", value: "OpenAI" },
        // Cherry Studio adds /v1 by itself.
        { label: "URL", value: name === "Cherry Studio" ? origin : `${origin}/v1` },
        { label: "API key", value: "sk-nx-…" },
        { label: "Model", value: model },
      ],
    })),
  ];
}
