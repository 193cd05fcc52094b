// Warns two minutes before an idle session ends, and takes the page away when
// it has: a letter must not stay on a screen that nobody sits at. Nor where somebody
// has signed out, or may not read it any more.
"use strict";
(() => {
  const dialog = document.getElementById("idle");
  const trouble = document.getElementById("idle-trouble");
  const idle = Number(document.body.dataset.idle) * 1000;
  const warning = 2 * 60 * 1000;
  const often = 60 * 1000;
  const who = document.body.dataset.who;
  const pages = new BroadcastChannel("used-" + who); // the person's other pages here
  const sessions = new BroadcastChannel("session"); // hears where somebody signs out: see out.js
  let used = Date.now();
  let asked = used;
  let looked = used;

  // What was entered last goes with the page, and comes back to the same person; what
  // had been entered before the page was made, too.
  let entered = document.querySelector("form[data-entered]");
  document.addEventListener("input", (e) => { entered = e.target.form || entered; }, { capture: true });
  const keep = () => {
    if (entered?.getAttribute("method") !== "post") return; // a field may be called so, and hides the form's own
    const of = new URLSearchParams({ page: document.body.dataset.here, action: entered.getAttribute("action") });
    fetch("/entered?" + of, { method: "POST", body: new URLSearchParams(new FormData(entered)), keepalive: true }).catch(() => {});
  };

  const leave = (why = "idle") => {
    keep();
    location.replace("/sign-in?" + new URLSearchParams({ [why]: "1", to: document.body.dataset.here || "/" }));
  };

  // Whether the page may be here still. With "asks" that is no use of it.
  const ask = async (path) => {
    looked = Date.now();
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams({ who, here: document.body.dataset.here }) });
    if (answer.status === 401) leave("ended");
    if (answer.status === 410) document.dispatchEvent(new Event("taken-away"));
    return answer;
  };
  const askOnly = () => ask("/stay?asks=1").catch(() => {}); // the line is away for a moment

  const look = () => {
    const left = used + idle - Date.now();
    if (left <= 0) return leave();
    if (left <= warning && !dialog.open) dialog.showModal();
    if (document.querySelector(".pages") && Date.now() - looked >= often) askOnly();
  };

  const use = () => {
    used = Date.now();
    trouble.hidden = true;
    dialog.close();
  };

  const stay = async () => {
    asked = Date.now();
    try {
      const answer = await ask("/stay");
      if (answer.status === 401) return;
      if (!answer.ok && answer.status !== 410) throw new Error(answer.statusText);
      use();
      pages.postMessage("used");
    } catch {
      trouble.hidden = false;
    }
  };

  // Who ticks, types or reads on works, although the server hears nothing of it.
  const act = () => {
    if (dialog.open) return;
    if (Date.now() - used >= idle) return look();
    used = Date.now();
    if (used - asked >= often) stay();
  };
  for (const done of ["keydown", "pointerdown", "input", "wheel"]) document.addEventListener(done, act, { capture: true, passive: true });

  document.getElementById("idle-stay").addEventListener("click", stay);
  dialog.addEventListener("cancel", stay); // the key Escape
  pages.addEventListener("message", use);
  pages.postMessage("used");
  sessions.addEventListener("message", askOnly);
  // A computer that slept has missed its timers, and who comes back to a page what has
  // become of it.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && Date.now() - used < idle) askOnly();
    look();
  });
  setInterval(look, 5000);
})();
