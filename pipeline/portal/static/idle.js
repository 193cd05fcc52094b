// Warns two minutes before an idle session ends, and takes the page away when
// it has: a letter must not stay on a screen that nobody sits at.
"use strict";
(() => {
  const dialog = document.getElementById("idle");
  const trouble = document.getElementById("idle-trouble");
  const idle = Number(document.body.dataset.idle) * 1000;
  const warning = 2 * 60 * 1000;
  let used = Date.now();

  const leave = () =>
    location.replace("/sign-in?" + new URLSearchParams({ idle: "1", to: document.body.dataset.here || "/" }));

  const look = () => {
    const left = used + idle - Date.now();
    if (left <= 0) leave();
    else if (left <= warning && !dialog.open) dialog.showModal();
  };

  document.getElementById("idle-stay").addEventListener("click", async () => {
    try {
      const answer = await fetch("/stay", { method: "POST" });
      if (!answer.ok) return leave();
      used = Date.now();
      trouble.hidden = true;
      dialog.close();
    } catch {
      trouble.hidden = false;
    }
  });
  // A computer that slept has missed its timers.
  document.addEventListener("visibilitychange", look);
  setInterval(look, 5000);
})();
