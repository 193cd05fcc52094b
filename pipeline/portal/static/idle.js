// Warns two minutes before an idle session ends, and takes the page away when
// it has: a letter must not stay on a screen that nobody sits at.
"use strict";
(() => {
  const dialog = document.getElementById("idle");
  const trouble = document.getElementById("idle-trouble");
  const idle = Number(document.body.dataset.idle) * 1000;
  const warning = 2 * 60 * 1000;
  const often = 60 * 1000;
  const who = document.body.dataset.who;
  const pages = new BroadcastChannel("used-" + who); // the person's other pages here
  let used = Date.now();
  let asked = used;

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

  const look = () => {
    const left = used + idle - Date.now();
    if (left <= 0) leave();
    else if (left <= warning && !dialog.open) dialog.showModal();
  };

  const use = () => {
    used = Date.now();
    trouble.hidden = true;
    dialog.close();
  };

  const stay = async () => {
    asked = Date.now();
    try {
      const answer = await fetch("/stay", { method: "POST", body: new URLSearchParams({ who }) });
      if (answer.status === 401) return leave("ended");
      if (!answer.ok) throw new Error(answer.statusText);
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
  // A computer that slept has missed its timers.
  document.addEventListener("visibilitychange", look);
  setInterval(look, 5000);
})();
