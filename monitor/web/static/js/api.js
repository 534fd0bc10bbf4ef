// Requests to the server's JSON API.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const KEPT_ALIVE = 10_000; // characters; a browser keeps 64 KiB of a page's requests alive in all

async function send(method, url, data) {
  const headers = { Accept: "application/json" };
  if (data !== undefined) headers["Content-Type"] = "application/json";
  const body = data === undefined ? undefined : JSON.stringify(data);
  // What is written arrives even if the reader goes on to another page before it has.
  const keepalive = method !== "GET" && (body?.length ?? 0) < KEPT_ALIVE;
  const response = await fetch(url, { method, headers, body, keepalive, credentials: "same-origin" });
  const text = await response.text();
  const answer = (response.headers.get("Content-Type") ?? "").includes("json") && text ? JSON.parse(text) : null;
  if (!response.ok) {
    const detail = answer?.detail ?? answer?.error;
    throw new ApiError(response.status, typeof detail === "string" ? detail : `HTTP ${response.status}`);
  }
  return answer;
}

export const get = (url) => send("GET", url);
export const post = (url, data = {}) => send("POST", url, data);
export const put = (url, data = {}) => send("PUT", url, data);
export const patch = (url, data = {}) => send("PATCH", url, data);
export const remove = (url) => send("DELETE", url);
