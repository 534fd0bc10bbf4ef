// Two languages side by side, as in the server's templates: t("中文", "English").

const chinese = document.documentElement.lang.startsWith("zh");

export const t = (zh, en) => (chinese ? zh : en);

// Call time as m:ss, or h:mm:ss from an hour on.
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
