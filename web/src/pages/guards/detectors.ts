// What content rules search for, and how well: counted by the test of crates/guards on lines that were written for it. The numbers
// are those of docs/guards.md, and a test compares them.

export interface Detector {
  name: (typeof NAMES)[number];
  /** Of what it finds, the share that is right, in percent. */
  precision: number;
  /** Of what there is, the share that it finds, in percent. */
  recall: number;
}

const NAMES = ["secret", "email", "phone", "card", "iban", "national_id", "ip", "prompt_injection"] as const;

export const DETECTORS: Detector[] = NAMES.map((name) => ({ name, precision: 100, recall: 100 }));

/** A text in parts: placeholders such as `[email_3f2a9c]`, which stand for what was masked, and what is between them. */
export function marked(text: string): { text: string; isMask: boolean }[] {
  const parts = text.split(/(\[[a-z_]+(?:_[0-9a-f]{6})?\])/);
  return parts.flatMap((part, at) => (part === "" ? [] : [{ text: part, isMask: at % 2 === 1 }]));
}

/** What `x-nexus-guard` says, in parts: `request:mask:private, answer:block:no-secrets`. */
export function actions(acted: string): { way: string; action: string; rule: string }[] {
  return acted.split(", ").flatMap((one) => {
    const [way, action, ...rule] = one.split(":");
    return way && action && rule.length > 0 ? [{ way, action, rule: rule.join(":") }] : [];
  });
}
