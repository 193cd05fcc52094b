// Has the pages that are still open in this browser ask whether they may be: somebody
// has signed out.
"use strict";
new BroadcastChannel("session").postMessage("over");
