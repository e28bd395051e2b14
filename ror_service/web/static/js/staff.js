// Keys for those who work the list all day, and fresh lists without a reload. Everything works without this file.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];
const press = (selector) => document.querySelector(selector);

function move(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("here"));
  const next = all[Math.min(all.length - 1, Math.max(0, now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step))];
  all.forEach((row) => row.classList.toggle("here", row === next));
  (next.querySelector("a, button, select") || next).focus();
}

const help = press("#keys");
const opener = press("[data-help]");
opener.hidden = false;
opener.addEventListener("click", () => help.showModal());

const here = () => press(".here") || document;
const keys = {
  j: () => move(1),
  k: () => move(-1),
  c: () => here().querySelector("[data-claim]:not([disabled])")?.click(),
  s: () => press("[data-sign]")?.focus(),
  r: () => press("[data-return]")?.focus(),
  g: () => press(".menu a")?.click(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// The list is fetched again while somebody looks at it, and put in place unless they are in the middle of it.
async function refresh() {
  const old = press("[data-live]");
  if (!old || document.hidden || old.contains(document.activeElement)) return;
  try {
    const answer = await fetch(old.dataset.live, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (fresh && fresh.innerHTML !== old.innerHTML) old.replaceChildren(...fresh.childNodes);
  } catch {
    // Without a connection the page stays as it is; the next look tries again.
  }
}
setInterval(refresh, 20000);
