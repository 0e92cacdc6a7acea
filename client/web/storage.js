/** What this browser remembers for the page. */

const forNow = new Map(); // where it may remember nothing: cookies are blocked, say

/** @param {string} key @returns {string | null} */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return forNow.get(key) ?? null;
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    forNow.set(key, value);
  }
}
