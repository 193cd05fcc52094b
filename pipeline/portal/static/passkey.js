// Makes or uses a passkey. The server decides; this only carries its question
// to the device and the device's answer back.
"use strict";
(() => {
  const button = document.querySelector("button[data-passkey]");
  const trouble = document.getElementById("passkey-trouble");
  const elsewhere = document.getElementById("passkey-elsewhere");
  if (!button) return;

  const complain = (says) => {
    trouble.textContent = says;
    trouble.hidden = false;
  };
  if (elsewhere.dataset.origin !== location.origin) {
    elsewhere.hidden = false;
    return;
  }
  if (!window.PublicKeyCredential) {
    complain(trouble.dataset.noPasskeys);
    return;
  }
  button.hidden = false;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (list) => (list || []).map((c) => ({ ...c, id: bytes(c.id) }));

  const post = async (path, body) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json().catch(() => null); // what stands before the portal answers as it likes
    if (!answer.ok || !said) throw new Error(said?.says || trouble.dataset.typeError);
    return said;
  };

  const make = async (q) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...q,
        challenge: bytes(q.challenge),
        user: { ...q.user, id: bytes(q.user.id) },
        excludeCredentials: withBytes(q.excludeCredentials),
      },
    });
    const r = made.response;
    return {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: text(r.clientDataJSON),
        attestationObject: text(r.attestationObject),
        transports: r.getTransports ? r.getTransports() : [],
      },
    };
  };

  const use = async (q) => {
    const used = await navigator.credentials.get({
      publicKey: { ...q, challenge: bytes(q.challenge), allowCredentials: withBytes(q.allowCredentials) },
    });
    const r = used.response;
    return {
      id: used.id,
      rawId: text(used.rawId),
      type: used.type,
      response: {
        clientDataJSON: text(r.clientDataJSON),
        authenticatorData: text(r.authenticatorData),
        signature: text(r.signature),
        userHandle: r.userHandle ? text(r.userHandle) : null,
      },
    };
  };

  // The page has a sentence for each of the browser's errors that people meet.
  const sentence = (err) => trouble.dataset[err.name[0].toLowerCase() + err.name.slice(1)] || err.message;

  button.addEventListener("click", async () => {
    button.disabled = true;
    trouble.hidden = true;
    try {
      const question = await post(button.dataset.begin, {});
      const answer = await (button.dataset.passkey === "make" ? make : use)(question.publicKey);
      const to = button.dataset.to ? "?" + new URLSearchParams({ to: button.dataset.to }) : "";
      const shown = await post(button.dataset.finish + to, answer);
      if ("sends" in button.dataset) button.form.requestSubmit(); // with what was filled in
      else location.assign(shown.to);
    } catch (err) {
      complain(sentence(err));
      button.disabled = false;
    }
  });
})();
