/**
 * The only script: while something on a page is open, it asks for the page again every few seconds (less often while
 * nothing happens, and not at all while the page is hidden) and puts the parts marked `data-live` in place of the old ones.
 * Everything works without it, by reloading.
 *
 * A part that has the focus is left alone, expanded elements stay expanded, and the summary in the live region is
 * changed only when its text changes, so that screen readers announce changes and nothing else.
 */
export const LIVE_SCRIPT = `(() => {
  'use strict';
  const MIN_INTERVAL = 3000;
  const MAX_INTERVAL = 30000;
  let interval = MIN_INTERVAL;
  const isOpen = () => document.querySelector('[data-live="open"]') !== null;

  function update(fresh) {
    let hasChanged = false;
    for (const part of document.querySelectorAll('[data-live]')) {
      const next = fresh.getElementById(part.id);
      if (next === null || part.contains(document.activeElement)) continue;
      for (const details of part.querySelectorAll('details[id]')) {
        const other = next.querySelector('#' + CSS.escape(details.id));
        if (other !== null) other.open = details.open;
      }
      if (part.outerHTML === next.outerHTML) continue;
      part.replaceWith(document.adoptNode(next));
      hasChanged = true;
    }
    const status = document.getElementById('live-status');
    const next = fresh.getElementById('live-status');
    if (status !== null && next !== null && status.textContent !== next.textContent) {
      status.textContent = next.textContent;
    }
    interval = hasChanged ? MIN_INTERVAL : Math.min(MAX_INTERVAL, interval * 1.25);
  }

  async function refresh() {
    if (document.visibilityState === 'visible') {
      try {
        const response = await fetch(location.origin + location.pathname + location.search, { cache: 'no-store', redirect: 'manual' });
        // The session has ended: the page leads to the sign-in and back.
        if (response.type === 'opaqueredirect') return location.reload();
        if (response.ok) update(new DOMParser().parseFromString(await response.text(), 'text/html'));
      } catch {
        // The next round tries again.
      }
    }
    if (isOpen()) setTimeout(refresh, interval);
  }

  if (isOpen()) setTimeout(refresh, interval);
})();
`;
