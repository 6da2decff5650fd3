// How a provider is, by shape and word: its state, its circuit, and a strip of its last probes.

import { duration, percent } from "../../lib/format.ts";
import { localeOf, usePreferences, zoneOf } from "../../lib/preferences.ts";
import { time } from "../../lib/format.ts";
import { Chip } from "../../ui/status.tsx";
import type { Provider, State } from "./queries.ts";
import { useWords } from "./words.ts";

/** What can be said of a provider in one word. */
export type Standing = "off" | "paused" | "offline" | "open" | "trial" | "down" | "degraded" | "well" | "unknown";

export function standingOf(provider: Pick<Provider, "enabled" | "status">, state: State | null | undefined): Standing {
  if (!provider.enabled) return "off";
  if (provider.status !== "active") return provider.status === "paused" ? "paused" : "offline";
  const circuit = state?.live.circuit.state ?? "closed";
  if (circuit === "open") return "open";
  if (circuit === "half_open") return "trial";
  if (state?.health === "down" || state?.health === "degraded") return state.health;
  const { requests = 0, error_rate = null } = state?.last_hour ?? {};
  if (requests > 0) return (error_rate ?? 0) > 0.2 ? "degraded" : "well";
  return state?.health === "healthy" ? "well" : "unknown";
}

const MARKS: Record<Standing, { mark: string; tone: "plain" | "ok" | "warn" | "bad" | "info" }> = {
  off: { mark: "○", tone: "plain" },
  paused: { mark: "‖", tone: "plain" },
  offline: { mark: "○", tone: "plain" },
  open: { mark: "✕", tone: "bad" },
  trial: { mark: "◆", tone: "warn" },
  down: { mark: "✕", tone: "bad" },
  degraded: { mark: "▲", tone: "warn" },
  well: { mark: "●", tone: "ok" },
  unknown: { mark: "◌", tone: "plain" },
};

export function Health({ provider, state }: { provider: Provider; state: State | null | undefined }) {
  const words = useWords();
  const chosen = usePreferences();
  const standing = standingOf(provider, state);
  const { mark, tone } = MARKS[standing];
  const circuit = state?.live.circuit;
  const until = circuit?.state === "open" ? ` ${time(circuit.until_ms, "time", localeOf(chosen), zoneOf(chosen))}` : "";
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[standing]}
      {until}
    </Chip>
  );
}

/** A bar for each probe, the latest at the right: tall where it answered fast, a short one below the line where it failed. */
export function Strip({ state, width = 144 }: { state: State | null | undefined; width?: number }) {
  const words = useWords();
  const probes = [...(state?.probes ?? [])].reverse();
  if (probes.length === 0) return <span className="text-ink3">{words.noProbes}</span>;
  const failed = probes.filter(({ ok }) => !ok).length;
  const slowest = Math.max(...probes.map(({ latency_ms }) => latency_ms), 1);
  const step = width / 48;
  const label = words.strip(probes.length, percent(1 - failed / probes.length), duration(probes.at(-1)?.latency_ms));
  return (
    <svg role="img" aria-label={label} width={width} height={20}>
      <title>{label}</title>
      <line x1="0" x2={width} y1={14.5} y2={14.5} stroke="var(--line)" />
      {probes.map((probe, index) => {
        const x = width - (probes.length - index) * step;
        const tall = 3 + 10 * Math.sqrt(probe.latency_ms / slowest);
        return probe.ok ? (
          <rect key={probe.ts} x={x} y={14 - tall} width={Math.max(1, step - 1)} height={tall} fill="var(--ok)" />
        ) : (
          <rect key={probe.ts} x={x} y={15} width={Math.max(1, step - 1)} height={5} fill="var(--bad)" />
        );
      })}
    </svg>
  );
}
