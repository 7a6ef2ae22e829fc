// Answers HTTP requests out of a key-value store and out of other servers, for the host's tests: an app as it is written
// for Spin, with `fetch` events and `fetch`.
//
// | path below the route | what happens |
// |---|---|
// | `/hello` | a fixed text |
// | `/key-value?label=L&key=K&value=V` | V is kept under K, read back, and answered |
// | `/send?url=U` | the status and the body of what U answers |
//
// A value is answered with 200 as `ok <value>`, an error of the interface with 500 and its name, and a request that the
// probe does not understand with 400.
import { open } from 'wasi:keyvalue/store@0.2.0-draft2';

const HELLO = 'Hello from JavaScript!\n';

class BadRequest extends Error {}

addEventListener('fetch', (event) => event.respondWith(handled(event.request)));

async function handled(request) {
    const url = new URL(request.url);
    try {
        // What is left of the path behind the route, as Spin tells it.
        const path = request.headers.get('spin-path-info') ?? url.pathname;
        return answer(200, await value(path, url.searchParams));
    } catch (thrown) {
        if (thrown instanceof BadRequest) {
            return answer(400, thrown.message);
        }
        return answer(500, thrown?.payload?.tag ?? `${thrown}`);
    }
}

async function value(path, query) {
    switch (path) {
        case '/hello':
            return HELLO;
        case '/key-value':
            return kept(wanted(query, 'label'), wanted(query, 'key'), wanted(query, 'value'));
        case '/send': {
            const response = await fetch(wanted(query, 'url'));
            return `ok ${response.status} ${await response.text()}`;
        }
        default:
            throw new BadRequest(`there is no ${path}`);
    }
}

function kept(label, key, text) {
    const bucket = open(label);
    try {
        bucket.set(key, new TextEncoder().encode(text));
        const found = bucket.get(key);
        return `ok ${found === undefined ? 'none' : new TextDecoder().decode(found)}`;
    } finally {
        // The engine has no `using`, and a handle that was lent once is not dropped by its garbage collector.
        bucket[Symbol.dispose ?? Symbol.for('dispose')]?.();
    }
}

// A parameter that must be there.
function wanted(query, name) {
    const value = query.get(name);
    if (value === null) {
        throw new BadRequest(`no ${name} was given`);
    }
    return value;
}

function answer(status, text) {
    return new Response(text, { status, headers: { 'content-type': 'text/plain' } });
}
