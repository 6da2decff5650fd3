// Before the first paint: theme, density and language as they were chosen. A file of its own, because the
// Content-Security-Policy allows no script inside the page.
try {
  const saved = JSON.parse(localStorage.getItem("nexus.preferences") || "{}");
  const page = document.documentElement;
  if (saved.theme === "light" || saved.theme === "dark") page.dataset.theme = saved.theme;
  if (saved.density) page.dataset.density = saved.density;
  const language = saved.language || (navigator.language || "en").slice(0, 2);
  page.lang = language.startsWith("zh") ? "zh-CN" : "en";
} catch {
  // Storage is closed, as in a private window of some browsers: the page begins as the system says.
}
