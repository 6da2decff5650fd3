// What requests cost: the prices that were set here, and the table of list prices that holds for everything else.

import { useMemo, useState } from "react";
import type { ListedPrice, PriceSettingView, Prices as AllPrices } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { count, price, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/dialog.tsx";
import { useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { PriceForm } from "./price-form.tsx";
import { useCreditWrites, useNames, usePrices } from "./queries.ts";
import { UploadTable } from "./upload.tsx";
import { useWords } from "./words.ts";

type Doing = { what: "set" | "upload" | "builtIn" } | { what: "edit" | "remove"; setting: PriceSettingView } | null;

export function Prices() {
  const words = useWords();
  const { data, error, refetch } = usePrices(true);
  const [doing, setDoing] = useState<Doing>(null);
  if (error) return <Failure error={error} retry={() => refetch()} />;
  if (!data) return <Skeleton rows={12} />;
  return (
    <>
      <p className="mb-2 text-table text-ink3">{words.pricesHint}</p>
      <PricesSet prices={data} onDo={setDoing} />
      <List prices={data} onDo={setDoing} />
      <Dialogs doing={doing} onClose={() => setDoing(null)} />
    </>
  );
}

function Dialogs({ doing, onClose }: { doing: Doing; onClose: () => void }) {
  const words = useWords();
  const nameOf = useSubjectName();
  const writes = useCreditWrites();
  const remove = useForm(async () => {
    if (doing?.what === "remove") await writes.removePrice(doing.setting.subject);
    if (doing?.what === "builtIn") await writes.dropTable();
    onClose();
  });
  if (doing === null) return null;
  if (doing.what === "set") return <PriceForm onClose={onClose} />;
  if (doing.what === "edit") return <PriceForm setting={doing.setting} onClose={onClose} />;
  if (doing.what === "upload") return <UploadTable onClose={onClose} />;
  const subject = doing.what === "remove" ? doing.setting.subject : "";
  const isTable = doing.what === "builtIn";
  const title = isTable ? words.builtIn : words.removePrice;
  return (
    <Confirm
      title={title}
      consequence={isTable ? words.builtInText : words.removePriceText(nameOf(subject).name)}
      action={title}
      busy={remove.busy}
      error={remove.rest()}
      onConfirm={() => remove.submit()}
      onClose={onClose}
    />
  );
}

/** What a price is for: its kind in a word, and its name. */
function useSubjectName(): (subject: string) => { kind: string; name: string } {
  const words = useWords();
  const names = useNames();
  return (subject) => {
    const at = subject.indexOf(":");
    const [kind, id] = [subject.slice(0, at) as "model" | "provider_model" | "provider", subject.slice(at + 1)];
    const known = kind === "provider" ? names.providers : kind === "provider_model" ? names.models : [];
    return { kind: words[`short_${kind}`], name: visible(known.find((one) => one.id === id)?.name ?? id) };
  };
}

function useDollars(): (price: number | null | undefined) => string {
  const locale = localeOf(usePreferences());
  return (dollars) => (dollars === null || dollars === undefined ? "" : price(dollars, locale));
}

function PricesSet({ prices, onDo }: { prices: AllPrices; onDo: (doing: Doing) => void }) {
  const words = useWords();
  const may = useMay();
  const nameOf = useSubjectName();
  const dollars = useDollars();
  return (
    <section className="mb-4">
      <header className="mb-2 flex flex-wrap items-center gap-3">
        <h2 className="text-section font-semibold">{words.set}</h2>
        {may("manage_prices") && (
          <span className="ml-auto flex flex-wrap gap-2">
            <Button look="primary" icon="plus" onClick={() => onDo({ what: "set" })}>
              {words.setPrice}
            </Button>
          </span>
        )}
      </header>
      {prices.set.length === 0 ? (
        <p className="text-ink2">{words.noSet}</p>
      ) : (
        <ul tabIndex={0} aria-label={words.set} className="max-h-60 overflow-y-auto border-b border-line">
          {prices.set.map((setting) => {
            const { kind, name } = nameOf(setting.subject);
            return (
              <li
                key={setting.subject}
                className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line py-1"
              >
                <span className="min-w-0 flex-1 basis-48 truncate">
                  <span className="text-ink3">{kind}</span> <span className="font-medium">{name}</span>
                </span>
                <span className="flex flex-wrap gap-x-4 text-table text-ink2">
                  {typeof setting.input === "number" && (
                    <span>
                      {words.input} {dollars(setting.input)}
                    </span>
                  )}
                  {typeof setting.cached_input === "number" && (
                    <span>
                      {words.cached} {dollars(setting.cached_input)}
                    </span>
                  )}
                  {typeof setting.output === "number" && (
                    <span>
                      {words.output} {dollars(setting.output)}
                    </span>
                  )}
                  {setting.factor !== null && (
                    <span>
                      {words.factor} × {setting.factor}
                    </span>
                  )}
                  {(setting.tiers?.length ?? 0) > 0 && <Chip>{words.tiered}</Chip>}
                </span>
                {may("manage_prices") && (
                  <span className="ml-auto flex">
                    <Button
                      look="quiet"
                      icon="edit"
                      aria-label={`${words.edit}: ${name}`}
                      onClick={() => onDo({ what: "edit", setting })}
                    />
                    <Button
                      look="quiet"
                      icon="trash"
                      aria-label={`${words.removePrice}: ${name}`}
                      onClick={() => onDo({ what: "remove", setting })}
                    />
                  </span>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

function List({ prices, onDo }: { prices: AllPrices; onDo: (doing: Doing) => void }) {
  const words = useWords();
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const locale = localeOf(usePreferences());
  const columns = useColumns();
  const phone = usePhoneRow();
  const search = (filters.search ?? "").toLowerCase();
  const rows = useMemo(
    () => prices.built_in.filter(({ model, seller }) => `${seller} ${model}`.toLowerCase().includes(search)),
    [prices.built_in, search],
  );
  const { uploaded } = prices;
  return (
    <>
      <header className="mb-2 flex flex-wrap items-center gap-3">
        <h2 className="text-section font-semibold">{words.list}</h2>
        <p className="text-table text-ink3">
          {uploaded
            ? words.uploadedTable(uploaded.version, uploaded.as_of, count(uploaded.models, locale))
            : words.listOf(prices.built_in_version, prices.built_in_as_of, count(prices.built_in.length, locale))}
        </p>
        {may("manage_prices") && (
          <span className="ml-auto flex flex-wrap gap-2">
            {uploaded && <Button onClick={() => onDo({ what: "builtIn" })}>{words.builtIn}</Button>}
            <Button onClick={() => onDo({ what: "upload" })}>{words.upload}</Button>
          </span>
        )}
      </header>
      <input
        type="search"
        data-filter
        aria-label={words.searchPrices}
        placeholder={words.searchPrices}
        value={filters.search ?? ""}
        onChange={(event) => setFilters({ search: event.target.value || undefined })}
        className="control mb-2 max-w-80"
      />
      {rows.length === 0 ? (
        <Empty>{words.noPrices}</Empty>
      ) : (
        <Table label={words.list} rows={rows} columns={columns} idOf={idOf} phone={phone} />
      )}
    </>
  );
}

const idOf = ({ seller, model }: ListedPrice) => `${seller}/${model}`;

function useColumns(): Column<ListedPrice>[] {
  const words = useWords();
  const dollars = useDollars();
  const column = (id: "input" | "output" | "cached_input", title: string): Column<ListedPrice> => ({
    id,
    title,
    width: "96px",
    right: true,
    cell: (row) => dollars(row[id]),
  });
  return [
    { id: "model", title: words.model, width: "minmax(160px, 2fr)", cell: ({ model }) => visible(model) },
    { id: "seller", title: words.seller, width: "minmax(96px, 1fr)", cell: ({ seller }) => seller },
    column("input", words.input),
    column("cached_input", words.cached),
    column("output", words.output),
    { id: "state", title: words.state, width: "minmax(160px, 1fr)", cell: (row) => <Notes row={row} /> },
  ];
}

function Notes({ row }: { row: ListedPrice }) {
  const words = useWords();
  return (
    <span className="inline-flex gap-1">
      {row.confirmed && <Chip tone="ok">● {words.confirmed}</Chip>}
      {row.disputed && <Chip tone="warn">▲ {words.disputed}</Chip>}
      {row.retired && <Chip>◌ {words.retired}</Chip>}
      {(row.tiers?.length ?? 0) > 0 && <Chip>{words.tiered}</Chip>}
    </span>
  );
}

function usePhoneRow(): (row: ListedPrice) => React.ReactNode {
  const dollars = useDollars();
  return (row) => (
    <>
      <div className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{visible(row.model)}</span>
        <span>
          {dollars(row.input)} / {dollars(row.output)}
        </span>
      </div>
      <div className="mt-1 flex items-center gap-2 text-ink2">
        <span className="min-w-0 flex-1 truncate">{row.seller}</span>
        <Notes row={row} />
      </div>
    </>
  );
}
