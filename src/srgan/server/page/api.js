// The server's API. A token comes in the address after # and stays in this tab.

const fromAddress = new URLSearchParams(location.hash.slice(1)).get('token');
if (fromAddress) {
  sessionStorage.setItem('token', fromAddress);
  history.replaceState(null, '', location.pathname);
}

export class ApiError extends Error {
  constructor(problem, retryAfter = 0) {
    super(problem.detail);
    this.code = problem.code;
    this.retryAfter = retryAfter;
  }
}

async function call(path, options = {}) {
  const token = sessionStorage.getItem('token');
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError({ code: 'offline', detail: 'the server does not answer' });
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ code: 'unknown', detail: `the server answered ${response.status}` }));
    throw new ApiError(problem, Number(response.headers.get('Retry-After')) || 0);
  }
  return response;
}

export const models = async () => (await call('/v1/models')).json();

export async function submit(file, settings, signal) {
  const form = new FormData();
  form.append('image', file, file.name || 'pasted.png');
  for (const [name, value] of Object.entries({ ...settings, wait: 0, format: 'png' })) {
    if (value !== null) form.append(name, value);
  }
  try {
    return await (await call('/v1/upscale', { method: 'POST', body: form, signal })).json();
  } catch (error) {
    if (error.code !== 'offline') throw error;
    // A browser says the same of a file that it cannot read as of a server that does not answer.
    await file.slice(0, 1).arrayBuffer().catch(() => {
      throw new ApiError({ code: 'image_refused', detail: 'it is a folder, or is no longer where it was' });
    });
    throw error;
  }
}

// The job's documents as they come, until it has ended.
export async function* follow(job, signal) {
  const response = await call(job.links.events, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

export const result = async (job, wanted, signal) => (await call(`${job.links.result}?${new URLSearchParams(wanted)}`, { signal })).blob();

export const input = async (job) => (await call(`${job.links.self}/input`)).blob();

export const remove = (job) => call(job.links.self, { method: 'DELETE', keepalive: true }).catch(() => {});
