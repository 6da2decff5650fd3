// What a form says beside a field of an error that the API gave. The API names the field by its own name (`server_url` is required.),
// which the form shows under a label; there the name is left out.

interface Refusal {
  code: string;
  param: string | null;
  message: string;
}

/** Whether the error is about the field or a part of it. */
export const concerns = ({ param }: Refusal, field: string) =>
  param === field || Boolean(param?.startsWith(`${field}.`));

/** The message without the field's name; `required` of a field that is absent. A part of the field keeps its name. */
export function besideField({ code, param, message }: Refusal, field: string, required: string): string {
  if (param !== field) return message;
  if (code === "missing_required_parameter") return required;
  const name = `\`${field}\` `;
  if (!message.startsWith(name)) return message;
  const rest = message.slice(name.length);
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
