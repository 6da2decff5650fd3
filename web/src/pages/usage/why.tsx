// Why the cost changed: the parts of the difference as bars on one axis, which add up to it exactly.

import { money, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import type { Filters } from "../../lib/url.ts";
import { Section } from "../../ui/page.tsx";
import { Failure } from "../../ui/states.tsx";
import { useWhy } from "./queries.ts";
import { useWords } from "./words.ts";

const PARTS = ["volume", "mix", "cache", "price"] as const;

export function WhyPanel({ filters }: { filters: Filters }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { data, error, refetch } = useWhy(filters);
  if (error) return <Failure error={error} retry={() => refetch()} />;
  if (!data) return null;
  const widest = Math.max(1, ...PARTS.map((part) => Math.abs(data[part])));
  const signed = (micros: number) => `${micros > 0 ? "+" : ""}${money(micros, locale)}`;
  return (
    <Section title={words.why}>
      <p className="mb-2 text-ink2">{words.whyText(money(data.before, locale), money(data.now, locale))}</p>
      {data.before === 0 ? (
        <p className="text-ink2">{words.whyNothing}</p>
      ) : data.now === data.before ? (
        <p className="text-ink2">{words.whySame}</p>
      ) : (
        <div className="grid gap-8 lg:grid-cols-[3fr_2fr]">
          <table className="w-full self-start">
            <tbody>
              {PARTS.map((part) => (
                <tr key={part} className="border-t border-line">
                  <th scope="row" className="py-2 text-left font-medium">
                    {words[part]}
                    <span className="block text-table font-normal text-ink3">{words[`${part}Hint`]}</span>
                  </th>
                  <td className="w-1/3 px-3">
                    <Bar value={data[part]} widest={widest} />
                  </td>
                  <td className="py-2 text-right whitespace-nowrap">{signed(data[part])}</td>
                </tr>
              ))}
              <tr className="border-t border-control font-semibold">
                <th scope="row" className="py-2 text-left">
                  {words.total}
                </th>
                <td />
                <td className="py-2 text-right">{signed(data.now - data.before)}</td>
              </tr>
            </tbody>
          </table>
          <table className="w-full self-start text-table">
            <caption className="pb-1 text-left text-label text-ink2">{words.byModel}</caption>
            <tbody>
              {data.models.slice(0, 8).map((model) => (
                <tr key={model.name} className="border-t border-line">
                  <td className="max-w-40 truncate py-1.5">{visible(model.name) || words.none}</td>
                  <td className="py-1.5 text-right text-ink2">{money(model.before, locale)} →</td>
                  <td className="py-1.5 text-right">{money(model.now, locale)}</td>
                  <td className="py-1.5 text-right">{signed(model.now - model.before)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

/** To the right what was added, to the left what was saved. */
function Bar({ value, widest }: { value: number; widest: number }) {
  const width = (Math.abs(value) / widest) * 50;
  return (
    <svg width="100%" height="14" aria-hidden="true" className="block">
      <rect
        x={value < 0 ? `${50 - width}%` : "50%"}
        y="2"
        width={`${width}%`}
        height="10"
        fill={value < 0 ? "var(--ok)" : "var(--series-1)"}
      />
      <line x1="50%" x2="50%" y1="0" y2="14" stroke="var(--control)" />
    </svg>
  );
}
