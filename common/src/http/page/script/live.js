"use strict";
{
  const one = (query) => document.querySelector(query);
  const local = (root) => {
    for (const time of root.querySelectorAll("time[datetime*=T]")) {
      const style = { dateStyle: "medium", timeStyle: time.dateTime.length > 17 ? "medium" : "short" };
      time.title = `${time.textContent.replace(/ UTC$/, "")} UTC`;
      time.textContent = new Date(time.dateTime).toLocaleString([], style);
    }
  };
  local(document);
  one("[data-times]").textContent = "Times are local";

  const live = one("[data-live]"), pause = one("[data-pause]"), state = one("[data-state]"), say = one("[data-say]");
  const headline = () => one("[data-live] h2")?.textContent ?? "";
  const show = (is, words) => { state.dataset.is = is; state.textContent = words; };
  const refresh = async () => {
    const inUse = live.contains(document.activeElement) || live.contains(getSelection().focusNode);
    if (document.hidden || inUse || pause.getAttribute("aria-pressed") === "true") return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(15000) });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      const before = headline(), open = [...live.querySelectorAll("details[open]")].map((part) => part.id);
      local(next);
      live.replaceChildren(...next.childNodes);
      for (const id of open) live.querySelector(`[id="${id}"]`)?.setAttribute("open", "");
      if (say && headline() !== before) say.textContent = headline();
      show("ok", "Live");
    } catch {
      show("warn", "Not live: no answer");
    }
  };
  if (pause) {
    pause.hidden = state.hidden = false;
    show("ok", "Live");
    pause.addEventListener("click", () => {
      const paused = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", paused);
      show(paused ? "skip" : "ok", paused ? "Paused" : "Live");
    });
    setInterval(refresh, 5000);
  }

  const copy = one("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const report = one("#report"), folded = report.querySelectorAll("details:not([open])");
      for (const part of folded) part.open = true;
      const text = report.innerText;
      for (const part of folded) part.open = false;
      copy.textContent = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Not copied");
    });
  }
}
