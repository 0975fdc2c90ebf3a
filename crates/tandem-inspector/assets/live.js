// The live view: puts what the stream brings on top of the list. The page is complete without it.
"use strict";
(() => {
  const list = document.getElementById("records");
  const byId = (id) => document.getElementById(id);
  if (!list || !window.EventSource) return;
  const MOST = 500;
  const waiting = [];
  let paused = false;
  let missed = 0;
  let fresh = 0;
  let drawing = 0;

  const element = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  const state = (name, text) => {
    byId("state").dataset.state = name;
    byId("state-text").textContent = text;
  };

  const tell = () => {
    const button = byId("pause");
    button.textContent = paused ? (waiting.length ? `Go on (${waiting.length} new)` : "Go on") : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    byId("missed").textContent = missed ? `${missed.toLocaleString("en")} not shown: more than can be read` : "";
    byId("empty").hidden = list.childElementCount > 0;
  };

  const showCopy = (root) => {
    for (const button of root.querySelectorAll(".copy")) button.hidden = false;
  };

  // What is read stays where it is: the page scrolls along by as much as was put above.
  const draw = () => {
    drawing = 0;
    if (paused || !waiting.length) return tell();
    const before = document.documentElement.scrollHeight;
    const reading = list.getBoundingClientRect().top < 0 || list.querySelector("details[open]");
    const part = document.createDocumentFragment();
    for (const record of waiting.splice(0).reverse()) part.append(record);
    showCopy(part);
    list.prepend(part);
    while (list.childElementCount > MOST) list.lastElementChild.remove();
    if (reading) window.scrollBy(0, document.documentElement.scrollHeight - before);
    tell();
  };

  const soon = () => {
    if (!drawing) drawing = window.setTimeout(draw, 150);
  };

  const pause = () => {
    paused = !paused;
    tell();
    soon();
  };

  const copy = async (button) => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // Only pages of https and of this machine may write to the clipboard.
      window.getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    window.setTimeout(() => (button.textContent = "Copy"), 1500);
  };

  byId("pause").addEventListener("click", pause);
  byId("clear").addEventListener("click", () => {
    waiting.length = 0;
    missed = 0;
    list.replaceChildren();
    tell();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy");
    if (button) copy(button);
  });
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest("input, select, textarea, button, summary, a, pre");
    if (event.key !== " " || busy || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    pause();
  });

  const source = new EventSource(list.dataset.stream);
  source.addEventListener("open", () => state("on", "Live"));
  source.addEventListener("error", () => {
    const over = source.readyState === EventSource.CLOSED;
    state("off", over ? "Ended: reload the page, you may have to sign in" : "Connection lost, trying again");
  });
  source.addEventListener("record", (event) => {
    const record = element(JSON.parse(event.data).html);
    if (!record) return;
    record.classList.add("new");
    waiting.push(record);
    fresh += 1;
    if (waiting.length > MOST) missed += waiting.splice(0, waiting.length - MOST).length;
    soon();
  });
  source.addEventListener("missed", (event) => {
    missed += JSON.parse(event.data).count;
    soon();
  });
  // Whoever listens is told how many there are, not each of them.
  window.setInterval(() => {
    if (fresh && !paused) byId("news").textContent = fresh === 1 ? "1 new record" : `${fresh} new records`;
    fresh = 0;
  }, 10000);

  showCopy(document);
  byId("tools").hidden = false;
  tell();
})();
