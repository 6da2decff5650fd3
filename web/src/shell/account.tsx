// Who is signed in, and how the console looks to them.

import { useSession, useSignOut } from "../api/session.ts";
import { useShellWords } from "../i18n/shell.ts";
import { type Preferences, setPreferences, usePreferences } from "../lib/preferences.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Popover } from "../ui/popover.tsx";
import { Segmented } from "../ui/segmented.tsx";

export function Account({ wide = false }: { wide?: boolean }) {
  const words = useShellWords();
  const { data } = useSession();
  const name = data?.user ? data.user.name || data.user.email : words.adminToken;
  if (wide) {
    return (
      <div className="flex flex-col gap-3">
        <p className="truncate text-ink2">{name}</p>
        <Settings />
      </div>
    );
  }
  return (
    <Popover
      label={words.preferences}
      text={
        <span className="flex min-w-0 items-center gap-2">
          <Icon name="settings" />
          <span className="max-w-36 truncate max-lg:sr-only">{name}</span>
        </span>
      }
    >
      {() => (
        <div className="w-72 p-3">
          <Settings />
        </div>
      )}
    </Popover>
  );
}

function Settings() {
  const words = useShellWords();
  const chosen = usePreferences();
  const signOut = useSignOut();
  const { data } = useSession();
  return (
    <div className="flex flex-col items-start gap-3">
      <Row label={words.theme}>
        <Segmented
          label={words.theme}
          value={chosen.theme}
          options={[
            { value: "system", label: words.themeSystem },
            { value: "light", label: words.themeLight },
            { value: "dark", label: words.themeDark },
          ]}
          onChange={(theme) => setPreferences({ theme })}
        />
      </Row>
      <Row label={words.language}>
        <Segmented
          label={words.language}
          value={chosen.language}
          options={[
            { value: "en", label: "English" },
            { value: "zh", label: "中文" },
          ]}
          onChange={(language) => setPreferences({ language })}
        />
      </Row>
      <Row label={words.density}>
        <Segmented
          label={words.density}
          value={chosen.density}
          options={(["compact", "normal", "comfortable"] as Preferences["density"][]).map((value) => ({
            value,
            label: words[value],
          }))}
          onChange={(density) => setPreferences({ density })}
        />
      </Row>
      <div className="w-full">
        <Choice
          label={words.zone}
          value={chosen.zone}
          onChange={(event) => setPreferences({ zone: event.target.value })}
        >
          <option value="">{words.browserZone}</option>
          <option value="UTC">UTC</option>
          {Intl.supportedValuesOf("timeZone").map((zone) => (
            <option key={zone}>{zone}</option>
          ))}
        </Choice>
      </div>
      <div className="flex w-full items-center justify-between border-t border-line pt-3">
        <Button icon="out" onClick={signOut}>
          {words.signOut}
        </Button>
        <span className="text-label text-ink3">{data?.version}</span>
      </div>
    </div>
  );
}

function Row({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className="flex flex-col gap-1">
      <span aria-hidden="true" className="text-label text-ink2">
        {label}
      </span>
      {children}
    </div>
  );
}
