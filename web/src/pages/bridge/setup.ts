// What is written on the machine of a new agent, so that it connects: pure.

const KEY_FILE = "~/.ai-bridge/agent.key";

/** The address of the tunnel at a gateway. */
export const tunnelOf = (origin: string) => `${origin.replace(/^http/, "ws")}/bridge/tunnel`;

/** The configuration of an agent, as docs/bridge.md describes it. A JSON string is one of YAML as well. */
export function configurationOf(origin: string, id: string, label: string): string {
  const named = label.trim() ? `, label: ${JSON.stringify(label.trim())}` : "";
  return [
    'version: "1"',
    `server: {url: ${JSON.stringify(tunnelOf(origin))}, token: "\${file:${KEY_FILE}}"}`,
    `agent: {id: ${JSON.stringify(id)}${named}}`,
    "mcp_servers:",
    '  - {name: files, command: npx, args: [-y, "@modelcontextprotocol/server-filesystem", .], cwd: "~"}',
  ].join("\n");
}

/** Keeps a token in a file that only its owner can read. It is asked for, so it is not in the history of the shell. */
export const keepToken = () =>
  `mkdir -p ~/.ai-bridge && (umask 077; read -rsp 'Token: ' token && printf %s "$token" > ${KEY_FILE})`;

/** Checks the configuration, and connects. */
export const START = "nexus-bridge config validate && nexus-bridge agent start";
