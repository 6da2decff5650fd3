// A new deployment removes the files of the old one. A page that is still open then fails to load its next part, and is loaded
// anew, once: what fails after that is a mistake and shown as one.

const MARK = "nexus.reloaded";

export function reloadOnLostChunk() {
  window.addEventListener("vite:preloadError", (event) => {
    const last = Number(sessionStorage.getItem(MARK) ?? 0);
    if (Date.now() - last < 10_000) return;
    event.preventDefault();
    sessionStorage.setItem(MARK, String(Date.now()));
    location.reload();
  });
}
