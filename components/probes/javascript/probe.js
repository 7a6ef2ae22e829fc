// Answers HTTP requests out of what the host provides, for its tests: `GET /?api=A&op=O…`, where A names a module of
// this folder and O one of its operations.
//
// An error of an interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this, 500
// otherwise. A request that the probe itself does not understand is answered with 400.
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';
import { BadRequest, dispose, encode, wanted } from './answers.js';
import * as blobs from './blobs.js';
import * as documents from './documents.js';
import * as identity from './identity.js';
import * as keyvalue from './keyvalue.js';
import * as sql from './sql.js';
import { fermyon, rc } from './variables.js';

const apis = { blobs, documents, fermyon, identity, keyvalue, rc, sql };

// What `blocking-write-and-flush` takes at most.
const CHUNK = 4096;

const FORBIDDEN = ['denied', 'undefined', 'no-such-store', 'no-such-database', 'no-such-identity'];

function answer(request) {
    try {
        const target = request.pathWithQuery() ?? '/';
        const mark = target.indexOf('?');
        const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
        const api = found(apis, wanted(query, 'api'));
        return api.answer(found(api.operations, wanted(query, 'op')), query);
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

function found(things, name) {
    if (!Object.hasOwn(things, name)) {
        throw new BadRequest(`there is no ${name}`);
    }
    return things[name];
}

function refusal({ tag, val }) {
    const status = FORBIDDEN.includes(tag) ? 403 : 500;
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
            return typeof val === 'object' ? JSON.stringify(val) : val ?? '';
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
