// stoa:blobs; the calls are those of the probe blobs-02.
import { get, head, list, open, read } from 'stoa:blobs/read@0.1.0';
import { copy, delete as remove, finish, put, write } from 'stoa:blobs/write@0.1.0';
import { url } from 'stoa:blobs/presign@0.1.0';
import { encode, lines, number, text, using, wanted } from './answers.js';

const CHUNK = 256 * 1024;
const PAGE = 1000;

const container = (query) => wanted(query, 'container');
const name = (query) => wanted(query, 'name');

export const operations = {
    put: (store, query) => {
        const writer = put(store, container(query), name(query), options(query));
        let finished = false;
        try {
            append(writer, content(query));
            // It goes over to the host, whatever comes of it.
            finished = true;
            return text(finish(writer).etag);
        } finally {
            if (!finished) {
                using(writer, () => {});
            }
        }
    },

    abandon: (store, query) => using(
        put(store, container(query), name(query), options(query)),
        (writer) => {
            append(writer, content(query));
            return [204];
        },
    ),

    get: (store, query) => {
        const offset = number(query, 'offset');
        const length = number(query, 'length');
        const part = offset === undefined
            ? undefined
            : { offset: BigInt(offset), length: length === undefined ? undefined : BigInt(length) };
        return using(get(store, container(query), name(query), part), (reader) => [200, rest(reader)]);
    },

    head: (store, query) => {
        const info = head(store, container(query), name(query));
        return info === undefined ? [404] : text(`${info.size} ${info.contentType} ${info.etag}`);
    },

    list: (store, query) => {
        const names = [];
        let after;
        do {
            const limit = number(query, 'limit') ?? PAGE;
            const page = list(store, container(query), { prefix: query.get('prefix') ?? '', after, limit });
            names.push(...page.entries.map((info) => info.name));
            after = page.next;
        } while (after !== undefined);
        return lines(names);
    },

    copy: (store, query) => {
        const place = (blob) => ({ container: container(query), name: blob });
        const info = copy(store, place(name(query)), place(wanted(query, 'to')), { tag: 'always' });
        return text(info.etag);
    },

    delete: (store, query) => text(remove(store, container(query), name(query))),

    url: (store, query) => text(
        url(store, container(query), name(query), wanted(query, 'method'), number(query, 'seconds') ?? 60),
    ),

    open: (store, query) => {
        const readers = [];
        try {
            for (let left = number(query, 'readers') ?? 1; left > 0; left -= 1) {
                readers.push(get(store, container(query), name(query), undefined));
            }
        } catch (thrown) {
            if (thrown?.payload?.tag !== 'quota') {
                throw thrown;
            }
        } finally {
            readers.forEach((reader) => using(reader, () => {}));
        }
        return text(readers.length);
    },
};

export const answer = (operation, query) => using(
    open(wanted(query, 'label')),
    (store) => operation(store, query),
);

function content(query) {
    const fill = number(query, 'fill');
    return fill === undefined ? encode(wanted(query, 'value')) : new Uint8Array(fill).fill('x'.charCodeAt(0));
}

function append(writer, bytes) {
    for (let at = 0; at < bytes.length; at += CHUNK) {
        write(writer, bytes.subarray(at, at + CHUNK));
    }
}

function rest(reader) {
    const chunks = [];
    let size = 0;
    for (;;) {
        const chunk = read(reader, CHUNK);
        if (chunk.length === 0) {
            break;
        }
        chunks.push(chunk);
        size += chunk.length;
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
    }
    return bytes;
}

function options(query) {
    const size = number(query, 'size');
    return {
        contentType: query.get('type') ?? undefined,
        metadata: [],
        size: size === undefined ? undefined : BigInt(size),
        condition: condition(query.get('if')),
    };
}

function condition(when) {
    switch (when) {
        case null:
            return { tag: 'always' };
        case 'absent':
            return { tag: 'absent' };
        default:
            return { tag: 'etag', val: when };
    }
}
