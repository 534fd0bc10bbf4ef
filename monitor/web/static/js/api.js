// Requests to the server's JSON API, with the CSRF token of the page.

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function send(method, url, data) {
  const headers = { Accept: "application/json", "X-CSRF-Token": token() };
  if (data !== undefined) headers["Content-Type"] = "application/json";
  const body = data === undefined ? undefined : JSON.stringify(data);
  const response = await fetch(url, { method, headers, body, credentials: "same-origin" });
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
