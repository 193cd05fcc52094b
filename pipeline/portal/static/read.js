// Turns a letter's pages, makes them larger, and goes from one to the next;
// without it the same is done by the links under each page. Closes a letter whose
// time comes, or that is taken away, while it is open: it must not stay on the screen.
"use strict";
(() => {
  const bar = document.getElementById("turner");
  if (!bar) return; // where letters are printed
  const pages = document.querySelector(".pages");
  const figures = [...pages.querySelectorAll("figure")];
  const where = document.getElementById("turner-at");

  // In percent of the page, so that one that lies on its side is not passed over
  // for the taller one below it.
  const shown = ({ top, bottom, height }) => Math.round(100 * (Math.min(bottom, window.innerHeight) - Math.max(top, 0)) / height);
  const at = () => {
    const seen = figures.map((f) => shown(f.getBoundingClientRect()));
    const most = Math.max(...seen);
    const chosen = figures.indexOf(document.activeElement); // where nothing can be scrolled any more
    if (most > 0 && seen[chosen] === most) return chosen;
    if (most > 0) return seen.indexOf(most);
    return Math.max(0, figures.findLastIndex((f) => f.getBoundingClientRect().top <= 0));
  };
  const say = () => {
    const text = figures[at()].querySelector("img").alt;
    if (where.textContent !== text) where.textContent = text;
  };
  const go = (by) => {
    const to = figures[at() + by];
    if (!to) return;
    to.scrollIntoView({ behavior: "instant" });
    to.focus({ preventScroll: true });
    say();
  };
  // As it is turned, and sharper while it is larger; else the browser chooses.
  const draw = (image) => {
    const asks = new URLSearchParams();
    if (image.dataset.turn !== "0") asks.set("turn", image.dataset.turn);
    if (pages.classList.contains("larger")) asks.set("dpi", pages.dataset.sharper);
    image.dataset.choice ??= image.srcset;
    const query = asks.toString();
    image.srcset = query ? "" : image.dataset.choice;
    image.src = image.dataset.page + (query && "?" + query);
  };
  const turn = () => {
    const here = figures[at()];
    const image = here.querySelector("img");
    image.dataset.turn = (Number(image.dataset.turn) + 1) % 4;
    [image.width, image.height] = [image.getAttribute("height"), image.getAttribute("width")];
    draw(image);
    here.scrollIntoView({ behavior: "instant" }); // it has another height now
    say();
  };
  const larger = (button) => {
    const here = figures[at()];
    const large = pages.classList.toggle("larger");
    for (const f of figures) f.tabIndex = large ? 0 : -1; // what scrolls sideways is reached by keyboard
    button.setAttribute("aria-pressed", large);
    for (const f of figures) draw(f.querySelector("img"));
    here.scrollIntoView({ behavior: "instant" });
  };

  const does = { before: () => go(-1), after: () => go(1), turn, larger };
  bar.addEventListener("click", (e) => {
    const button = e.target.closest("button");
    if (button) does[button.dataset.does](button);
  });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.shiftKey || e.target.closest("input, select, textarea, dialog, .larger figure")) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!by) return;
    e.preventDefault();
    go(by);
  });
  document.addEventListener("scroll", say, { passive: true });
  bar.hidden = false;
  say();
})();

(() => {
  const ended = document.getElementById("ended");
  const unshown = document.getElementById("unshown");
  let timer, closed;
  const close = (says) => {
    if (closed) return;
    closed = true;
    clearInterval(timer);
    document.querySelector("main").replaceChildren(says);
    says.hidden = false;
    says.focus();
  };
  // A timer is not told how long the computer slept, and cannot wait for months.
  const opened = Date.now();
  const look = () => {
    if (Date.now() - opened >= Number(ended.dataset.in)) close(ended);
  };
  if (ended.dataset.in) timer = setInterval(look, 1000);
  document.addEventListener("taken-away", () => close(unshown)); // idle.js has asked
  document.addEventListener("error", async (e) => {
    if (!e.target.matches?.(".pages img")) return;
    const answer = await fetch(e.target.currentSrc, { method: "HEAD" }).catch(() => null);
    if (answer?.status === 404 || answer?.status === 410) close(unshown); // it is gone, or is somebody else's to read
    else if (answer?.ok && !e.target.dataset.again) {
      e.target.dataset.again = 1;
      e.target.src = e.target.src; // the line was away for a moment
    }
  }, true);
})();
