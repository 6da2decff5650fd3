// Roles of groups as a form has them: lines of `group: role, role`.

export interface MappedGroup {
  group: string;
  roles: string[];
}

/** What is separated by commas. */
export const listed = (text: string) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

/** Lines of `group: role, role`. The name of a group may have a colon, the code of a role has none. */
export function roleMap(text: string): MappedGroup[] {
  return text.split("\n").flatMap((line) => {
    const at = line.lastIndexOf(":");
    const group = (at < 0 ? line : line.slice(0, at)).trim();
    return group === "" ? [] : [{ group, roles: at < 0 ? [] : listed(line.slice(at + 1)) }];
  });
}

export const linesOf = (map: MappedGroup[]) =>
  map.map(({ group, roles }) => `${group}: ${roles.join(", ")}`).join("\n");
