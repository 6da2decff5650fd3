// Requests and responses whose headers cross the border as one text; called by src/platform/http.rs.

function lines(headers) {
  let lines = "";
  headers.forEach((value, name) => {
    lines += name + "\n" + value + "\n";
  });
  return lines;
}

// The platform accepts an object in a third of the time that it needs for a list of pairs; the list is only needed
// for a name that occurs twice.
function fields(lines) {
  const texts = lines.split("\n");
  const fields = Object.create(null);
  for (let i = 0; i + 1 < texts.length; i += 2) {
    // A name that is not there yet is `undefined`; `in` would leave the fast path of properties.
    if (fields[texts[i]] !== undefined) return pairs(texts);
    fields[texts[i]] = texts[i + 1];
  }
  return fields;
}

function pairs(texts) {
  const pairs = [];
  for (let i = 0; i + 1 < texts.length; i += 2) pairs.push([texts[i], texts[i + 1]]);
  return pairs;
}

export function nexus_request_head(request) {
  return request.method + "\n" + request.url + "\n" + lines(request.headers);
}

export function nexus_response_head(response) {
  return lines(response.headers);
}

export function nexus_fetch(url, method, lines, body, own, caller) {
  const signal = own && caller ? AbortSignal.any([own, caller]) : own;
  return fetch(url, { method, headers: fields(lines), body, redirect: "manual", signal });
}

export function nexus_response(status, lines, body) {
  return new Response(body, { status, headers: fields(lines) });
}
