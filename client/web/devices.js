/** The pickers of microphone and speaker; the choices are remembered in this browser. */

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceKind} kind
 * @param {(deviceId: string) => void} onChoice also called once with the remembered choice
 * @returns {() => Promise<void>} fills the picker anew, for when the names have become known
 */
export function setUpDevicePicker(select, kind, onChoice) {
  const key = `avatar.${kind}`;
  const fill = async () => {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const own = devices.filter((device) => device.kind === kind && device.deviceId !== "default");
    const options = [new Option("As the system has it", "")];
    own.forEach((device, index) => {
      // Browsers hide the list until the microphone was allowed once.
      const label = device.label || `Device ${index + 1}`;
      if (device.deviceId) options.push(new Option(label, device.deviceId));
    });
    const chosen = localStorage.getItem(key) ?? "";
    select.replaceChildren(...options);
    select.value = options.some((option) => option.value === chosen) ? chosen : "";
  };
  select.addEventListener("change", () => {
    localStorage.setItem(key, select.value);
    onChoice(select.value);
  });
  navigator.mediaDevices?.addEventListener("devicechange", fill);
  fill().then(() => {
    if (select.value) onChoice(select.value);
  });
  return fill;
}
