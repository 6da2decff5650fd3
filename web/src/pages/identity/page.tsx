// Who the gateway takes users from: services that they sign in with, and directories that keep them.

import { useNavigate } from "@tanstack/react-router";
import { useFilters } from "../../lib/url.ts";
import { Segmented } from "../../ui/segmented.tsx";
import { Directories } from "./directories.tsx";
import { Services } from "./services.tsx";
import { useWords } from "./words.ts";

export default function Identity() {
  const words = useWords();
  const navigate = useNavigate();
  const [filters] = useFilters();
  const view = filters.of === "directories" ? "directories" : "services";
  const views = (
    <div className="mb-3">
      <Segmented
        label={words.which_view}
        value={view}
        options={[
          { value: "services", label: words.services },
          { value: "directories", label: words.directories },
        ]}
        onChange={(of) => navigate({ to: "/identity", search: of === "services" ? {} : { of } } as never)}
      />
    </div>
  );
  return view === "directories" ? <Directories views={views} /> : <Services views={views} />;
}
