/** Light, dark, or as the system has it; remembered in this browser. */

import { remember, remembered } from "./storage.js";

const KEY = "avatar.theme";
const THEMES = ["auto", "light", "dark"];
const LABELS = { auto: "as the system", light: "light", dark: "dark" };

function stored() {
  const theme = remembered(KEY);
  return THEMES.includes(theme) ? theme : "auto";
}

function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Let `button` step through the themes. */
export function setUpThemeButton(button) {
  const show = (theme) => {
    button.querySelector("use").setAttribute("href", `icons.svg#${theme}`);
    button.title = button.ariaLabel = `Colours: ${LABELS[theme]}`;
  };
  button.addEventListener("click", () => {
    const theme = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length];
    remember(KEY, theme);
    apply(theme);
    show(theme);
  });
  show(stored());
}

apply(stored());
