// What a form says beside a field of an error that the API gave. The API names the field by its own name (`server_url` is required.),
// which the form shows under a label; there the name is left out.

/** `required` is said of a field that is absent; of a message that does not begin with the name of the field nothing is left out. */
export function besideField(code: string, field: string, message: string, required: string): string {
  if (code === "missing_required_parameter") return required;
  const name = `\`${field}\` `;
  if (!message.startsWith(name)) return message;
  const rest = message.slice(name.length);
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
