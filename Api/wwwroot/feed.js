/** What the server tells, slice by slice, while the page can be seen; a hidden page costs nothing. */

const silence = 3_000; // The server speaks every second.

/** Calls `onSlice(name, content)` for what is new, and `onAway(true | false)` when the API goes and comes back. */
export function follow(slices, onSlice, onAway) {
  let source = null;
  let alarm = 0;
  let again = 0;

  const heard = () => {
    onAway(false);
    clearTimeout(alarm);
    alarm = setTimeout(away, silence);
  };
  const away = () => {
    onAway(true);
    // A connection that hangs is given up; one that has failed the browser gives up by itself after an answer that is an error.
    close();
    again = setTimeout(open, 500);
  };

  function open() {
    close();
    if (document.hidden) return;
    source = new EventSource("/live/events");
    source.onerror = away;
    source.addEventListener("beat", heard);
    for (const name of slices) {
      source.addEventListener(name, event => {
        heard();
        onSlice(name, JSON.parse(event.data));
      });
    }
    alarm = setTimeout(away, silence);
  }

  function close() {
    clearTimeout(alarm);
    clearTimeout(again);
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  open();
}
