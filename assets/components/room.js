// The class as this window sees it: one socket, whichever page is on screen, that comes back by itself. What is said
// over it stands in senet_viz/service/rooms.py. Whoever draws it listens for the window's event "senet-class".
const SOON_MS = 500, LATE_MS = 8000, LATER_MS = 30_000; // between two tries; where the room is over or full
const SILENT_MS = 40_000; // the server says something more often than this
const SETTLE_MS = 1000, MOVES = 3; // page and class come from two processes for a moment, where one has started again
const GRACE_MS = 5000; // a page that changes takes the component away for a moment
const ENDS = { 4000: "over", 4001: "over", 4002: "full", 4003: "token" };

/** What this tab remembers of a class: its id there, and the teacher's token. */
const memory = (code) => {
  const key = `senet-class-${code}`;
  const read = () => {
    try { return JSON.parse(sessionStorage.getItem(key)) ?? {}; } catch { return {}; }
  };
  const write = (values) => {
    try { sessionStorage.setItem(key, JSON.stringify({ ...read(), ...values })); } catch { /* nothing may be kept: a new seat */ }
  };
  return { read, write };
};

/** Take the teacher's token out of the address, which never sends what follows "#" to a server. */
const taken = (kept) => {
  const token = new URLSearchParams(location.hash.slice(1)).get("teacher");
  if (!token) return;
  kept.write({ token });
  history.replaceState(history.state, "", location.pathname + location.search);
};

const open = (code) => {
  const kept = memory(code);
  taken(kept);
  // link: "on", "lost", or why there is none; me: what the room says of this window
  const room = { code, state: null, me: { id: null, teacher: false, vote: null }, here: 0, voted: 0, link: "new", token: () => kept.read().token ?? null };
  const listeners = new AbortController();
  let socket = null, tries = 0, again = null, silence = null, gone = null, moving = null;

  const tell = () => dispatchEvent(new Event("senet-class"));
  const hear = (message) => {
    if ("id" in message) {
      Object.assign(room, { me: message, state: null, rev: null, fresh: message.id !== kept.read().id });
      if (message.id) kept.write({ id: message.id });
    } else if ("rev" in message) {
      const { question: before } = room.state ?? {}, { question: now } = message;
      if (room.state && (before?.n !== now?.n || before?.round !== now?.round)) room.me.vote = null;
      room.state = message;
      Object.assign(room, { link: "on" });
      tries = 0;
    } else if ("vote" in message) room.me.vote = message.vote;
    else if ("here" in message) Object.assign(room, message);
    else if ("csv" in message) room.table?.(message.csv);
    tell();
  };
  const wait = () => {
    clearTimeout(silence);
    silence = setTimeout(() => end(), SILENT_MS);
  };
  const connect = () => {
    clearTimeout(again);
    const url = new URL("class", document.baseURI);
    url.searchParams.set("class", code); // a proxy finds the class's process by it
    url.protocol = url.protocol.replace("http", "ws");
    const mine = (socket = new WebSocket(url));
    wait();
    mine.onopen = () => mine.send(JSON.stringify({ class: code, id: kept.read().id ?? null, token: room.token() }));
    mine.onmessage = ({ data }) => {
      if (mine !== socket) return;
      wait();
      if (data !== "{}") hear(JSON.parse(data));
    };
    mine.onclose = ({ code: why }) => mine === socket && end(ENDS[why]);
  };
  /** The connection is no more: try again, after longer and longer pauses that differ from browser to browser. */
  const end = (why = "lost") => {
    const old = socket;
    socket = null;
    old?.close();
    clearTimeout(silence);
    if (why === "token") kept.write({ token: null });
    room.link = why;
    const pause = why === "lost" ? Math.min(SOON_MS * 2 ** tries++, LATE_MS) : why === "token" ? 0 : LATER_MS;
    clearTimeout(again);
    again = setTimeout(connect, pause * (0.5 + Math.random() / 2));
    tell();
  };
  const awake = () => (socket?.readyState === WebSocket.OPEN || room.link === "new" || ((tries = 0), connect()));
  addEventListener("offline", () => end(), { signal: listeners.signal });
  addEventListener("online", awake, { signal: listeners.signal });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && awake(), { signal: listeners.signal });

  /** The page comes from the process that is called `at`. Where the class is in another one, behind the same proxy, the
   * address, which names the class by now, leads there; a proxy that leads nowhere is not asked again and again. */
  room.beside = (at) => {
    const { moves = 0 } = kept.read(), { at: there = at } = room.me;
    if (there !== at && moves < MOVES) moving ??= setTimeout(() => { kept.write({ moves: moves + 1 }); location.reload(); }, SETTLE_MS);
    else moving = clearTimeout(moving) ?? null;
    if (moves && room.me.at === at) kept.write({ moves: 0 });
  };

  room.send = (message) => {
    const text = JSON.stringify(message);
    const fits = socket?.readyState === WebSocket.OPEN && new TextEncoder().encode(text).length <= 4096;
    if (fits) socket.send(text);
    return fits;
  };
  room.leave = () => {
    listeners.abort();
    [again, silence, gone, moving].forEach(clearTimeout);
    const old = socket;
    socket = null;
    old?.close();
  };
  /** Somebody draws the room; the signal says until when. */
  room.held = (signal) => {
    clearTimeout(gone);
    signal.addEventListener("abort", () => {
      gone = setTimeout(() => { room.leave(); if (everywhere().room === room) delete everywhere().room; }, GRACE_MS);
    });
  };
  connect();
  return room;
};

/** The room of that code; a window is in one. */
export const enter = (code) => {
  const shared = everywhere();
  if (shared.room && shared.room.code !== code) shared.room.leave();
  if (shared.room?.code !== code) shared.room = open(code);
  return shared.room;
};
