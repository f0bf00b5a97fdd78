// Numbers as they are written.

export const whole = (value) => Math.round(value).toLocaleString("en");

// "12 %", "0.1 %", "99.9 %": no finer than it takes to tell it from 0 and 100 %.
export function percent(share) {
  const value = 100 * share;
  const edge = Math.min(value, 100 - value) + 1e-9;
  const digits = edge >= 1 || value === 0 || value === 100 ? 0 : Math.min(3, Math.ceil(-Math.log10(edge)));
  return `${value.toFixed(digits)} %`;
}
