// Answers HTTP requests out of a stoa:keyvalue store, for the host's tests.
//
//   GET /?op=get&label=L&key=K            200 and the value, or 404
//   GET /?op=set&label=L&key=K&value=V    204
//   GET /?op=delete&label=L&key=K         204
//   GET /?op=list&label=L&prefix=P        200 and the keys, one per line
//
// An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this,
// 500 otherwise. A request that the probe itself does not understand is answered with 400.
import { get, list, open as openToRead } from 'stoa:keyvalue/read@0.1.0';
import { apply, open as openToWrite } from 'stoa:keyvalue/write@0.1.0';
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';

const PAGE = 1000;
// What `blocking-write-and-flush` takes at most.
const CHUNK = 4096;

const encode = (text) => new TextEncoder().encode(text);

class BadRequest extends Error {}

const operations = {
    get: (label, query) => withStore(openToRead, label, (store) => {
        const value = get(store, wanted(query, 'key'));
        return value === undefined ? [404] : [200, value.bytes];
    }),

    set: (label, query) => change(label, {
        key: wanted(query, 'key'),
        action: { tag: 'set', val: encode(wanted(query, 'value')) },
    }),

    delete: (label, query) => change(label, { key: wanted(query, 'key'), action: { tag: 'delete' } }),

    list: (label, query) => withStore(openToRead, label, (store) => {
        const prefix = query.get('prefix') ?? '';
        let lines = '';
        let after;
        do {
            const page = list(store, { prefix, after, limit: PAGE, projection: 'keys' });
            for (const { key } of page.entries) {
                lines += `${key}\n`;
            }
            after = page.next;
        } while (after !== undefined);
        return [200, encode(lines)];
    }),
};

function change(label, { key, action }) {
    return withStore(openToWrite, label, (store) => {
        apply(store, [{ key, condition: { tag: 'always' }, action }]);
        return [204];
    });
}

function withStore(open, label, use) {
    const store = open(label);
    try {
        return use(store);
    } finally {
        dispose(store);
    }
}

// The engine has no `using`, and a handle that was lent once is not dropped by its garbage collector.
function dispose(resource) {
    resource[Symbol.dispose ?? Symbol.for('dispose')]?.();
}

function wanted(query, name) {
    const value = query.get(name);
    if (value === null) {
        throw new BadRequest(`no ${name} was given`);
    }
    return value;
}

function answer(request) {
    try {
        const target = request.pathWithQuery() ?? '/';
        const mark = target.indexOf('?');
        const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
        const name = wanted(query, 'op');
        if (!Object.hasOwn(operations, name)) {
            throw new BadRequest(`no such op: ${name}`);
        }
        return operations[name](wanted(query, 'label'), query);
    } catch (thrown) {
        if (thrown instanceof BadRequest) {
            return [400, encode(thrown.message)];
        }
        if (thrown?.payload?.tag !== undefined) {
            return refusal(thrown.payload);
        }
        // Not the interface's: a fault of the probe or of its bindings.
        return [500, encode(`probe: ${thrown}`)];
    }
}

function refusal({ tag, val }) {
    const status = tag === 'denied' || tag === 'no-such-store' ? 403 : 500;
    return [status, encode(`${tag}: ${message(tag, val)}`)];
}

function message(tag, val) {
    switch (tag) {
        case 'no-such-store':
            return 'no store of this label was granted';
        case 'too-large':
            return `at most ${val} bytes`;
        case 'deadline':
            return 'no answer in time';
        case 'unavailable':
            return 'the store cannot be reached';
        case 'other':
            return `${val.code}: ${val.message}`;
        default:
            return val;
    }
}

function respond(out, [status, bytes = new Uint8Array()]) {
    const response = new OutgoingResponse(new Fields());
    response.setStatusCode(status);
    const body = response.body();
    ResponseOutparam.set(out, { tag: 'ok', val: response });
    const stream = body.write();
    for (let at = 0; at < bytes.length; at += CHUNK) {
        stream.blockingWriteAndFlush(bytes.subarray(at, at + CHUNK));
    }
    dispose(stream);
    OutgoingBody.finish(body, undefined);
}

export const incomingHandler = {
    handle(request, out) {
        respond(out, answer(request));
        dispose(request);
    },
};
