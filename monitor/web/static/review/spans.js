// Buttons that play a stretch of the page's recording: <button data-play="from to"> in ms.

const audio = document.getElementById("spans-audio");
let until = Infinity;

audio?.addEventListener("timeupdate", () => {
  if (audio.currentTime * 1000 >= until) audio.pause();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-play]");
  if (!button || !audio) return;
  const [from, to] = button.dataset.play.split(" ").map(Number);
  until = to;
  audio.currentTime = from / 1000;
  audio.play();
});
