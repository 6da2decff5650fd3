// Markdown as elements: what a model writes is hostile, so there is no HTML anywhere. Raw HTML is shown as text, links open only
// http, https and mail addresses, and images are links: nothing is fetched because of what a model wrote. Of a growing text only
// the last block is read anew.

import { type Token, type Tokens, lexer } from "marked";
import { type ReactNode, Suspense, lazy, memo, useRef } from "react";
import { tailStart } from "../lib/mdtail.ts";
import { Copy } from "./copy.tsx";
import { useUiWords } from "./words.ts";

const Highlighted = lazy(() => import("./highlight.tsx"));

export function Markdown({ text }: { text: string }) {
  const blocks = useBlocks(text);
  return (
    <div className="md min-w-0 [overflow-wrap:anywhere]">
      {blocks.map((block, index) => (
        <Block key={index} source={block} />
      ))}
    </div>
  );
}

/** The finished parts of the text, each as it was, and the part that may still change. */
function useBlocks(text: string): string[] {
  const seen = useRef({ done: [] as string[], length: 0, head: "" });
  const state = seen.current;
  if (!text.startsWith(state.head)) seen.current = { done: [], length: 0, head: "" };
  const at = tailStart(text, seen.current.length);
  if (at > seen.current.length) {
    seen.current = {
      done: [...seen.current.done, text.slice(seen.current.length, at)],
      length: at,
      head: text.slice(0, at),
    };
  }
  return [...seen.current.done, text.slice(seen.current.length)];
}

const Block = memo(function Block({ source }: { source: string }) {
  return <>{lexer(source, { gfm: true }).map(block)}</>;
});

const children = (tokens: Token[] | undefined) => tokens?.map(inline);

function block(token: Token, key: number): ReactNode {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      const { depth, tokens } = token as Tokens.Heading;
      // The page has h1 and h2 of its own.
      const Tag = depth < 3 ? "h3" : "h4";
      return <Tag key={key}>{children(tokens)}</Tag>;
    }
    case "code":
      return <CodeBlock key={key} code={(token as Tokens.Code).text} language={(token as Tokens.Code).lang ?? ""} />;
    case "blockquote":
      return <blockquote key={key}>{(token as Tokens.Blockquote).tokens.map(block)}</blockquote>;
    case "list": {
      const { ordered, start, items } = token as Tokens.List;
      const entries = items.map((item, index) => (
        <li key={index}>
          {item.task && (
            <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label={item.text} />
          )}
          {item.tokens.map(block)}
        </li>
      ));
      return ordered ? (
        <ol key={key} start={Number(start) || 1}>
          {entries}
        </ol>
      ) : (
        <ul key={key}>{entries}</ul>
      );
    }
    case "table":
      return <Grid key={key} table={token as Tokens.Table} />;
    case "hr":
      return <hr key={key} className="border-line" />;
    case "paragraph":
      return <p key={key}>{children((token as Tokens.Paragraph).tokens)}</p>;
    case "text":
      return (
        <span key={key}>
          {(token as Tokens.Text).tokens ? children((token as Tokens.Text).tokens) : (token as Tokens.Text).text}
        </span>
      );
    default:
      return inline(token, key);
  }
}

function inline(token: Token, key: number): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong key={key}>{children((token as Tokens.Strong).tokens)}</strong>;
    case "em":
      return <em key={key}>{children((token as Tokens.Em).tokens)}</em>;
    case "del":
      return <del key={key}>{children((token as Tokens.Del).tokens)}</del>;
    case "codespan":
      return <code key={key}>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br key={key} />;
    case "link": {
      const { href, tokens } = token as Tokens.Link;
      return <SafeLink key={key} href={href} content={children(tokens)} />;
    }
    case "image": {
      const { href, text } = token as Tokens.Image;
      return <SafeLink key={key} href={href} content={text || href} image />;
    }
    case "text":
    case "escape":
      return "tokens" in token && token.tokens ? (
        <span key={key}>{children(token.tokens)}</span>
      ) : (
        (token as Tokens.Text).text
      );
    default:
      // HTML, and whatever else there may be: as it was written.
      return token.raw;
  }
}

function SafeLink({ href, content, image = false }: { href: string; content: ReactNode; image?: boolean }) {
  const words = useUiWords();
  const label = image ? (
    <>
      [{words.image}: {content}]
    </>
  ) : (
    content
  );
  if (!/^(https?:\/\/|mailto:)/i.test(href)) return <span>{label}</span>;
  return (
    <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow" className="link">
      {label}
    </a>
  );
}

function Grid({ table }: { table: Tokens.Table }) {
  return (
    <table tabIndex={0}>
      <thead>
        <tr>
          {table.header.map((cell, index) => (
            <th key={index}>{children(cell.tokens)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row, line) => (
          <tr key={line}>
            {row.map((cell, index) => (
              <td key={index}>{children(cell.tokens)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function CodeBlock({ code, language }: { code: string; language: string }) {
  return (
    <div className="relative rounded-m border border-line bg-sunken">
      <div className="flex h-8 items-center justify-between border-b border-line pl-3 text-label text-ink2">
        <span>{language}</span>
        <Copy text={code} />
      </div>
      <pre tabIndex={0} className="overflow-x-auto p-3 font-mono text-table leading-5">
        <Suspense fallback={<code>{code}</code>}>
          <Highlighted code={code} language={language} />
        </Suspense>
      </pre>
    </div>
  );
}
